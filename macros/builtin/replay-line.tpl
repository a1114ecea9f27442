/* SPDX-License-Identifier: GPL-2.0-or-later */\
\       > replay: %human-numbers{}{}{}{%replay-rest{}}\
%let{age}{%replay-age{}}\
%if{%and{%replay-remain{}}{%>={%{age}}{%{window}}}}{ age: %human-seconds{%{age}}\
  %if{%and{%is-module-loaded{}}{%>{%{age}}{%{stuck-seconds}}}}\
  {%warn{replay of %{res} appears to be stuck for ~%human-seconds{%{age}}}}}\
\ rate: %human-numbers{}{}{}{%replay-rate{}}/s\
\ remaining: %human-seconds{%replay-remain{}}\n\
