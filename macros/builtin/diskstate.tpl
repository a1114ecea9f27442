/* SPDX-License-Identifier: GPL-2.0-or-later */\
%if{%=={%disk-error{}}{-116}}{DiskMismatch }\
%if{%and{%disk-error{}}{%!={%disk-error{}}{-116}}}{DISK_ERROR=%disk-error{}%errno-text{%disk-error{}} }\
%elsif\
{%not{%get-disk{}}}{NotJoined}\
{%not{%disk-present{}}}{NotPresent}\
{%not{%todo-attach{}}}{%if{%is-attach{}}{Detaching}{Detached}}\
{%<{%replay-code{}}{0}}{\
  %elsif\
  {%=={%replay-code{}}{-85}}{IncompleteLog}\
  {%=={%replay-code{}}{-56}}{UnInitializedLogRecord}\
  {%=={%replay-code{}}{-28}}{DiskFull}\
  {%or{%=={%replay-code{}}{-5}}{%=={%replay-code{}}{-6}}{%=={%replay-code{}}{-121}}}{DiskError}\
  {DefectiveLog}\
  [%replay-code{}=%errno-text{%replay-code{}}]}\
{%is-orphan{}}{Orphan}\
{%not{%is-attach{}}}{NoAttach}\
{%not{%is-consistent{}}}{\
  %elsif\
  {%not{%todo-primary{}}}{InConsistent}\
  {%is-primary{}}{WriteBack}\
  {Recovery}\
  %if{%todo-primary{}}{[%human-numbers{}{}{}{%writeback-rest{}}]}}\
{%not{%work-reached{}}}{\
  %elsif\
  {%not{%todo-primary{}}}{OutDated[%outdated-flags{}%if{%news-text{}}{; %news-text{}}]}\
  {%is-primary{}}{WriteBack[%human-numbers{}{}{}{%writeback-rest{}}]}\
  {Recovery[%human-numbers{}{}{}{%writeback-rest{}}]}}\
{%and{%get-primary{}}{%is-emergency{%get-primary{}}}}{EmergencyMode}\
{UpToDate%if{%news-text{}}{[%news-text{}]}}\
