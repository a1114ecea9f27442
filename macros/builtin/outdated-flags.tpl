/* SPDX-License-Identifier: GPL-2.0-or-later */\
%unless{%fetch-reached{}}{F}\
%unless{%replay-reached{}}{R}\
