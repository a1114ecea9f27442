/* SPDX-License-Identifier: GPL-2.0-or-later */\
%let{amount}{%human-numbers{}{ }{ }{%sync-pos{}}{%sync-size{}}}\
%let{rate}{%human-numbers{}{}{ }{%sync-rate{}}}\
\     syncing: %progress{20}{%sync-pos{}}{0}{%sync-size{}}\
%sprintf{  %.2f%%  (%d/%d)%s  rate: %.2f %s/sec  remaining: %s hrs}\
{%sync-percent{}}{%{amount}{ }{0}}{%{amount}{ }{1}}{%{amount}{ }{2}}\
{%{rate}{ }{0}}{%{rate}{ }{1}}{%human-seconds{%sync-remain{}}}\n\
%call{sync-line-1and1}\
