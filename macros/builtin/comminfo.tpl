/* SPDX-License-Identifier: GPL-2.0-or-later */\
%let{txt}{%subst{%the-pretty-global-msg{}}{^.*\\bCONNECTED.*(\\x0a|$)}{}{mg}}\
%if{%{txt}}{++++++++++++ Global / Communication Status ++++++++++++\n%{txt}}\
%let{timeslip}{%-{%time{}}{%real-time{}}}\
%if{%>{%{timeslip}}{%{window}}}{++++++++++++ Lamport time slip: %human-seconds{%{timeslip}} ++++++++++++\n}\
