/* SPDX-License-Identifier: GPL-2.0-or-later */\
%if{%usable-compressions{}}{\
  used-log-compression="%used-log-compression{}"\n\
  %if{%{verbose}}{\
    \  usable: "%usable-compressions{}"\n\
    \  enabled: "%enabled-log-compressions{}"\n}\
  used-net-compression="%used-net-compression{}"\n\
  %if{%{verbose}}{\
    \  usable: "%usable-compressions{}"\n\
    \  enabled: "%enabled-net-compressions{}"\n}}\
%if{%usable-digests{}}{\
  used-log-digest="%used-log-digest{}"\n\
  %if{%{verbose}}{\
    \  usable: "%usable-digests{}"\n\
    \  disabled: "%disabled-log-digests{}"\n}\
  used-net-digest="%used-log-digest{}"\n\
  %if{%{verbose}}{\
    \  usable: "%usable-digests{}"\n\
    \  disabled: "%disabled-net-digests{}"\n}\
  %if{%global-sync-limit-value{}}{\
    \   HINT: the global-sync-limit-value is set to "%global-sync-limit-value{}"\n}}\
