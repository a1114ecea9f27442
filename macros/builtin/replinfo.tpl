/* SPDX-License-Identifier: GPL-2.0-or-later */\
%let{amount}{%human-numbers{}{ }{ }{%replay-pos{}}{%fetch-size{}}}\
%let{logs}{%replay-lognr{}}\
%let{l2}{%fetch-lognr{}}\
%let{l3}{%work-lognr{}}\
%if{%>{%{l2}}{%replay-lognr{}}}{%append{logs}{::%{l2}}}\
%if{%>{%{l3}}{%{l2}}}{%append{logs}{..%{l3}}}\
\     replaying: %progress{20}{%replay-pos{}}{%fetch-pos{}}{%fetch-size{}}\
%sprintf{  %.2f%%  (%d/%d)%s}{%work-percent{}}{%{amount}{ }{0}}{%{amount}{ }{1}}{%{amount}{ }{2}}\
\  logs: [%{logs}]\n\
%call{fetch-line}\
%call{replay-line}\
