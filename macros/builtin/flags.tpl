/* SPDX-License-Identifier: GPL-2.0-or-later */\
%if{%disk-present{}}{%if{%device-present{}}{D}{d}}{-}\
%elsif{%is-consistent{}}{C}{%disk-present{}}{c}{-}\
%if{%is-attach{}}{%if{%todo-attach{}}{A}{a}}{%if{%todo-attach{}}{a}{-}}\
%elsif{%sync-reached{}}{S}{%todo-sync{}}{s}{-}\
%elsif{%fetch-reached{}}{F}{%todo-fetch{}}{f}{-}\
%elsif{%replay-reached{}}{R}{%todo-replay{}}{r}{-}\
