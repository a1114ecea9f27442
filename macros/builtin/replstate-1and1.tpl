/* SPDX-License-Identifier: GPL-2.0-or-later */\
%elsif\
{%not{%disk-present{}}}{NotJoined}\
{%eq{%handover-state{}}{HandoverUnfinished}}{HandoverUnfinished}\
{%eq{%application-state{}}{WantedNotRunning}}{WantedNotRunning}\
{%eq{%application-state{}}{WantedElsewhere}}{WantedElsewhere}\
{%and{%is-primary{}}{%silent-members{}}}{SecondaryUnreachable}\
{%is-primary{}}{Replicating}\
{%not{%and{%get-primary{}}{%is-alive{}}}}{PrimaryUnreachable}\
{%and{%not{%sync-reached{}}}{%not{%todo-sync{}}}}{PausedSync}\
{%is-sync{}}{Syncing}\
{%not{%and{%todo-fetch{}}{%todo-replay{}}}}{PausedReplay}\
{Replaying%if{%news-text{}}{[%news-text{}]}}\
