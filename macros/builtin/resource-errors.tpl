/* SPDX-License-Identifier: GPL-2.0-or-later */\
%if{%get-resource-fat-count{}}{FATALS   FILE (%get-resource-fat-count{})\
  %if{%{verbose}}{:\n%get-resource-fat{}}{: available with --verbose\n}}\
%if{%the-err-count{}}{ERRORS   LNK  (%the-err-count{}):\n%the-pretty-err-msg{}}\
%if{%get-resource-err-count{}}{ERRORS   FILE (%get-resource-err-count{})\
  %if{%{verbose}}{:\n%get-resource-err{}}{: available with --verbose\n}}\
%if{%the-wrn-count{}}{WARNINGS LNK  (%the-wrn-count{}):\n%the-pretty-wrn-msg{}}\
%if{%and{%{verbose}}{%get-resource-wrn-count{}}}{WARNINGS FILE (%get-resource-wrn-count{}):\n%get-resource-wrn{}}\
%if{%and{%>={%{verbose}}{2}}{%the-inf-count{}}}{INFOS    LNK  (%the-inf-count{}):\n%the-pretty-inf-msg{}}\
%if{%and{%>={%{verbose}}{2}}{%get-log-status{}}}{STATUS   FILE:\n%get-log-status{}}\
