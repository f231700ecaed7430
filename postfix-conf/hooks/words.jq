# words - what `notify` is told, in words for people.
#
#     jq -s -r --arg part subject -f words.jq     one line: the domain, what happened, from what to what
#     jq -s -r --arg part line    -f words.jq     one line: the same, why, by whom, what is to be typed
#     jq -s -r --arg part urgent  -f words.jq     yes where somebody should get up, else no
#
# The object has id, time (unix time), domain, what (plan-start, plan-advance, plan-done, plan-edited, plan-pause,
# plan-resume, plan-abort, freeze, rollback, refused-us), who, host, from, to, why, escalated (it is told once more,
# since nobody has acknowledged it) and command (what acknowledges it).  Texts may have come from a mail server or from
# anybody's keyboard: what ends a line, hides or turns around text becomes a blank.

def field($name): .[$name] // "" | tostring | gsub("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]+"; " ");

def happened:
    {"plan-start": "the plan has begun", "plan-advance": "moved on", "plan-done": "the plan is done",
     "plan-edited": "changed by hand", "plan-pause": "paused", "plan-resume": "goes on", "plan-abort": "aborted",
     "freeze": "FROZEN", "rollback": "ROLLED BACK", "refused-us": "new refuses us"}[field("what")] // field("what");

def wants_somebody: .escalated == true or (.what | . == "freeze" or . == "rollback" or . == "refused-us");

def subject:
    (if .escalated == true then "NOBODY HAS ANSWERED: " else "" end)
    + "\(field("domain")): \(happened)"
    + (if field("from") != "" or field("to") != "" then ", \(field("from")) -> \(field("to"))" else "" end);

def line:
    subject
    + (if field("why") != "" then ": " + field("why") else "" end)
    + " (\(field("who")), \(field("host")))"
    + (if wants_somebody then "; seen it? \(field("command"))" else "" end);

if length != 1 or (.[0] | type) != "object" then error("this is no news")
else .[0]
| if $part == "subject" then subject
  elif $part == "line" then line
  elif wants_somebody then "yes"
  else "no" end
end
