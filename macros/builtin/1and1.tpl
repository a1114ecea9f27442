/* SPDX-License-Identifier: GPL-2.0-or-later */\
%if{%{res}}{\
  \  %{res} %diskstate-1and1{} %replstate-1and1{} %flags-1and1{} %role-1and1{} %primarynode-1and1{}\n\
  %if{%is-attach{}}{\
    %unless{%sync-reached{}}{%syncinfo-1and1{}}\
    %unless{%work-threshold-reached{}}{%replinfo-1and1{}}}\
  %resource-errors-1and1{}}\
{%the-pretty-global-msg{}}\
