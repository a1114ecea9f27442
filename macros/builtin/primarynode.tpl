/* SPDX-License-Identifier: GPL-2.0-or-later */\
%if{%todo-primary{}}{%{host}}{%get-primary{}}\
