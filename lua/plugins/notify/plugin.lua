-- SPDX-License-Identifier: GPL-2.0-or-later
-- notify: tells people of changes of state, by syslog, mail or webhook.
return {
  name = "notify",
  version = "1.0",
  summary = "Changes of state, and verbs that fail, to syslog, mail or a webhook.",
  main = "notify.lua",
  hooks = {
    ["state.*"] = "state",
    ["*.failed"] = "failed",
    ["primary.after"] = "done",
    ["secondary.after"] = "done",
    ["invalidate.after"] = "done",
    ["leave-resource.after"] = "done",
    ["application.*.after"] = "done",
  },
  verbs = {
    ["notify-test"] = {
      summary = "Sends a test message on all channels of the plugin notify.",
      doc = "Says which channels took it. Settings: notify.channels and others in marsadm.conf; marsadm plugins list shows them.",
      any_user = true,
      run = "test",
    },
  },
  tunables = {
    channels = { default = "syslog", doc = "any of syslog, mail, webhook, separated by blanks; empty: silent" },
    events = { default = "*", doc = "patterns of the events that are told, separated by blanks" },
    ["mail-to"] = { default = "root", doc = "addresses, separated by commas" },
    ["mail-from"] = { default = "", doc = "the sender; empty: as the mail system thinks" },
    sendmail = { default = "/usr/sbin/sendmail", doc = "the program that takes mails on stdin" },
    ["webhook-url"] = { default = "", doc = "gets a POST with JSON: cluster host, event, resource, host, old, new, text" },
    ["webhook-header"] = { default = "", doc = "one more header line, such as Authorization: Bearer SECRET" },
    ["webhook-program"] = { default = "curl", doc = "the program curl" },
    ["syslog-tag"] = { default = "mars-notify", doc = "the tag of the lines" },
    ["syslog-facility"] = { default = "daemon", doc = "the facility, such as daemon or local0" },
    ["syslog-socket"] = { default = "", doc = "another socket than /dev/log" },
    timeout = { default = 10, doc = "seconds that a channel may take" },
  },
}
