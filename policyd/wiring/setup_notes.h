/*
 * setup_notes - what an administrator should know about this configuration once the suite
 * is wired into it: services that go past our lists, settings that ours hide.  Pure.
 */
#ifndef POLICYD_WIRING_SETUP_NOTES_H
#define POLICYD_WIRING_SETUP_NOTES_H

#include "policyd/wiring/setup_plan.h"

void setup_notes_make(
    struct setup_plan *plan, const struct setup_facts *facts, struct arena *arena);

#endif
