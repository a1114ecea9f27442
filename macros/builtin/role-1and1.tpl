/* SPDX-License-Identifier: GPL-2.0-or-later */\
%if{%and{%disk-present{}}{%is-primary{}}}{Primary}{Secondary}\
