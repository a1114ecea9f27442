-- SPDX-License-Identifier: GPL-2.0-or-later
-- systemd: starts units of yours when something happens to a resource, and shows what became of its application.
return {
  name = "systemd",
  version = "1.0",
  summary = "Events of MARS start units of systemd; the state of a resource's units in one line.",
  main = "systemd.lua",
  hooks = {
    ["state.*"] = "start_units",
    ["*.failed"] = "start_units",
    ["primary.after"] = "start_units",
    ["secondary.after"] = "start_units",
    ["application.*.after"] = "start_units",
  },
  verbs = {
    ["systemd-status"] = {
      summary = "Shows where the application of a resource shall run, and how its units are here.",
      doc = "One line for each resource: name, wanted host, and each unit with its state on this host.",
      resource = "optional",
      any_user = true,
      run = "status",
    },
  },
  tunables = {
    units = {
      default = "",
      doc = "PATTERN=UNIT, separated by blanks: which unit an event starts; in UNIT %e, %r, %h are event, resource, host",
    },
    systemctl = { default = "systemctl", doc = "the program systemctl" },
    timeout = { default = 10, doc = "seconds that it may take" },
  },
}
