/* SPDX-License-Identifier: GPL-2.0-or-later */\
%elsif\
{%not{%disk-present{}}}{-}\
{%is-primary{}}{%{host}}\
{%actual-primary{}}{%actual-primary{}}\
{-}\
