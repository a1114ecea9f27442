/* SPDX-License-Identifier: GPL-2.0-or-later */\
%let{comm}{%alive-age{}}\
%if{%>={%{comm}}{%{window}}}{%human-seconds{%{comm}}}\
