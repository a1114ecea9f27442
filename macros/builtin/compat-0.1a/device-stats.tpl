/* SPDX-License-Identifier: GPL-2.0-or-later */\
%unless{%device-opened{}}{Closed}{Opened, \
  %if{%known-device-mounted{}}{%known-device-mountpoint{}\
    %if{%{verbose}}{ %known-device-fstype{} %known-device-mountflags{}}, }\
  %if{%device-error{}}{DEVICE_ERROR=%device-error{}%errno-text{%device-error{}}, }\
  %device-ops-rate{} IOPS\
  %if{%device-nrflying{}}{, %device-nrflying{} Flying\
    %if{%>{%device-completion-age{}}{%{window}}}{, HANGING age: %human-seconds{%device-completion-age{}}}}}\
