/* SPDX-License-Identifier: GPL-2.0-or-later */\
%elsif\
{%not{%disk-present{}}}{None}\
{%todo-primary{}}{Primary}\
{Secondary}\
