/* SPDX-License-Identifier: GPL-2.0-or-later */\
%elsif\
{%not{%disk-present{}}}{Detached}\
{%not{%is-attach{}}}{Detached}\
{%not{%is-almost-consistent{}}}{Inconsistent}\
{%work-reached{}}{Uptodate%if{%news-text{}}{[%news-text{}]}}\
{Outdated[%outdated-flags-1and1{}%if{%news-text{}}{; %news-text{}}]}\
