/* SPDX-License-Identifier: GPL-2.0-or-later */\
-\
%if{%todo-sync{}}{S}{-}\
%if{%todo-fetch{}}{F}{-}\
%if{%todo-replay{}}{R}{-}\
-\
