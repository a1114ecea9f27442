/* SPDX-License-Identifier: GPL-2.0-or-later */\
%call{device-info}\
%if{%is-member{}}{\
  \  %{res} [%count-resource-peers{}/%count-configured-peers{}]\
  \ %diskstate{} %replstate{} %flags{} %role{} %primarynode{} %commstate{}\n\
  %if{%is-primary{}}{\
    %foreach{line}{%silence-text{}}{\n}{%if{%{line}}{\     Silence: %{line}\n}}}\
  %if{%handover-text{}}{\
    \     Handover: %handover-text{}\n}\
  %if{%application-text{}}{\
    \     Application: %application-text{}\n}\
  %if{%>{%-{%disk-size{}}{%resource-size{}}}{%{threshold}}}{\
    \     Hint: you are wasting %human-numbers{}{}{}{%-{%disk-size{}}{%resource-size{}}} on disk %get-disk{}\n}\
  %if{%>{%resource-possible-size{}}{%resource-size{}}}{\
    \     Hint: marsadm resize would increase resource %{res} by\
    \ %human-numbers{}{}{}{%-{%resource-possible-size{}}{%resource-size{}}}\n}\
  %if{%and{%not{%is-primary{}}}{%is-attach{}}}{\
    %unless{%sync-reached{}}{%syncinfo{}}\
    %unless{%work-reached{}}{%replinfo{}}}\
  %call{resource-errors}}\
