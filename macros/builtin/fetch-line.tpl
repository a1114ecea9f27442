/* SPDX-License-Identifier: GPL-2.0-or-later */\
\       > fetch: %human-numbers{}{}{}{%fetch-rest{}}\
%let{age}{%fetch-age{}}\
%let{lag}{%fetch-lag{}}\
%if{%and{%fetch-remain{}}{%>={%{age}}{%{window}}}}{ age: %human-seconds{%{age}}\
  %if{%and{%is-module-loaded{}}{%>{%{age}}{%{stuck-seconds}}}}\
  {%warn{replay of %{res} appears to be stuck for ~%human-seconds{%{age}}}}}\
%if{%and{%fetch-remain{}}{%>={%{lag}}{%{window}}}}{ lag: %human-seconds{%{lag}}}\
\ rate: %human-numbers{}{}{}{%fetch-rate{}}/s\
\ remaining: %human-seconds{%fetch-remain{}}\n\
