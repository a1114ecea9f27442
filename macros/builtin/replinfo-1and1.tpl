/* SPDX-License-Identifier: GPL-2.0-or-later */\
%let{amount}{%human-numbers{}{ }{ }{%replay-pos{}}{%fetch-size{}}}\
\     replaying: %progress{20}{%replay-pos{}}{%fetch-pos{}}{%fetch-size{}}\
%sprintf{  %.2f%%  (%d/%d)%s}{%work-percent{}}{%{amount}{ }{0}}{%{amount}{ }{1}}{%{amount}{ }{2}}\
\  logs: [%replay-lognr{}..%fetch-lognr{}]\n\
%call{fetch-line-1and1}\
%call{replay-line-1and1}\
