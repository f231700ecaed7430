"use strict";
/* The page of /status.json: a card for each plan.  Text from outside goes in by textContent alone. */

const EVERY_MS = 2000;
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {}))
        node.setAttribute(name, value);
    for (const child of children)
        if (child !== null && child !== undefined)
            node.append(child);     /* a string becomes a text node */
    return node;
}
const make = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const count = (number) => number === null || number === undefined ? "-" : number.toLocaleString("en-GB");
const percent = (number) => number === null || number === undefined ? "-" : number + " %";
const delay = (ms) => ms === null || ms === undefined ? "-" : ms < 1000 ? ms + " ms" : (ms / 1000).toFixed(1) + " s";

function age(seconds) {
    if (seconds === null || seconds === undefined)
        return "-";
    const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
    let i = seconds < 2 * 86400 ? 1 : 0;    /* 24 h, 47 h, 2 d */
    while (i < 3 && seconds < units[i][0])
        i++;
    const rest = i < 2 ? Math.floor(seconds % units[i][0] / units[i + 1][0]) : 0;
    return Math.floor(seconds / units[i][0]) + " " + units[i][1] + (rest > 0 ? " " + rest + " " + units[i + 1][1] : "");
}
function clock(unix) {
    const time = new Date(1000 * unix), two = (n) => String(n).padStart(2, "0");
    const day = time.toDateString() === new Date().toDateString() ? "" :
        time.getFullYear() + "-" + two(time.getMonth() + 1) + "-" + two(time.getDate()) + " ";
    return day + two(time.getHours()) + ":" + two(time.getMinutes()) + ":" + two(time.getSeconds());
}

/* --- the parts of a card --- */

function part(title, ...inner) {
    return make("section", {}, make("h3", {}, title), ...inner);
}
function wholePart(title, ...inner) {
    return fill(part(title, ...inner), {class: "whole"}, []);
}

function alarm(plan) {
    if (plan.state !== "rolled-back" && plan.state !== "bad")
        return null;
    const back = plan.state === "rolled-back";
    return make("div", {class: "box", role: "alert"},
        make("p", {}, make("b", {}, back ? "Rolled back" : "The plan is bad"), ": " +
            (back ? plan.why || "no reason is told" : plan.problem)),
        back ? make("p", {}, "Who has mail on new: ", make("code", {}, "postshiftctl ledger " + plan.domain)) : null,
        back ? make("p", {}, "Once the cause is mended: ", make("code", {}, "postshiftctl plan start " + plan.domain)) : null);
}

function bar(plan) {
    const weight = plan.weight === null ? 0 : plan.weight;
    const ticks = plan.stages.map((stage) => parseFloat(stage.name)).filter((at) => at > 0 && at < 100);
    return make("div", {},
        draw("svg", {class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img",
                     "aria-label": "weight " + percent(plan.weight)},
            draw("rect", {class: "ground", x: 0, y: 2, width: 100, height: 6}),
            draw("rect", {class: "weight", x: 0, y: 2, width: weight, height: 6}),
            ...ticks.map((at) => draw("line", {class: "tick", x1: at, x2: at, y1: 0, y2: 10}))),
        make("p", {class: "legend"},
            make("span", {}, "weight ", make("b", {class: "new"}, percent(plan.weight))),
            make("span", {class: plan.share.apart ? "apart" : ""}, "share of mail on new " + percent(plan.share.mail)),
            make("span", {class: plan.share.apart ? "apart" : ""}, "share of units on new " + percent(plan.share.units)),
            plan.share.apart ? make("span", {class: "apart"}, "more than a factor of two apart") : null,
            plan.edited ? make("span", {}, "raised by hand") : null));
}

/* Whom the misprovision guard has on old. */
function guard(plan) {
    if (!plan.guard)
        return null;
    const some = plan.guard.pinned > 0 || plan.guard.unknown > 0;
    return make("div", {},
        some ? make("p", {class: "waits"}, make("b", {}, "Pinned to old by the guard: "), count(plan.guard.pinned) +
            " that new lacks, " + count(plan.guard.unknown) + " that neither side knows") : null,
        plan.guard.stopped ? make("p", {class: "waits"}, make("b", {}, "The guard asks no more: "), plan.guard.stopped) : null);
}

function stages(plan) {
    const rows = plan.stages.map((stage, i) => {
        const here = i + 1 === plan.stage;
        const left = stage.is_over ? "over" : stage.left_s !== null ? age(stage.left_s) + " left" : here ? (plan.state === "paused" ? "stands" : "reached") : "";
        return make("tr", {class: here ? "now" : stage.is_over ? "soft" : ""}, make("td", {}, String(i + 1)),
            make("th", {scope: "row"}, stage.name), make("td", {}, "stays " + age(stage.stay_s)), make("td", {}, left));
    });
    return part("Stages", make("table", {class: "stages"}, make("tbody", {}, ...rows)));
}

function gates(plan) {
    if (plan.gates.length === 0)
        return wholePart("Gates", make("p", {class: "empty"}, "not asked in this state"));
    const rows = plan.gates.map((gate) => make("tr", {},
        make("td", {class: "answer " + gate.answer}, gate.answer.replace("-", " ")),
        make("th", {class: "name", scope: "row"}, gate.name), make("td", {}, gate.text)));
    return wholePart("Gates", make("table", {}, make("tbody", {}, ...rows)));
}

/* "14 messages wait, the oldest for 10 min (quota 1)" */
function waiting(domain, now) {
    const reasons = Object.entries(domain.reasons || {}).map(([name, number]) => name + " " + count(number));
    return count(domain.waiting) + (domain.waiting === 1 ? " message waits" : " messages wait") +
        (domain.oldest_waiting ? ", the oldest for " + age(now - domain.oldest_waiting) : "") +
        (reasons.length > 0 ? " (" + reasons.join(", ") + ")" : "");
}

function sides(plan, domain, now) {
    if (!plan.sides)
        return part("Old beside new", make("p", {class: "empty"}, "not counted here"));
    const waits = domain && domain.waiting !== null ? make("p", {class: "soft"}, waiting(domain, now)) : null;
    const bySide = plan.sides.old.waiting !== null || plan.sides.new.waiting !== null;
    const row = (title, show) => make("tr", {}, make("th", {scope: "row"}, title),
        make("td", {class: "number"}, show(plan.sides.old)), make("td", {class: "number"}, show(plan.sides.new)));
    return part("Old beside new, since " + clock(plan.sides_since), make("table", {},
        make("thead", {}, make("tr", {}, make("th", {}, "first attempts"), make("th", {class: "number old", scope: "col"}, "old"),
            make("th", {class: "number new", scope: "col"}, "new"))),
        make("tbody", {},
            row("delivered", (side) => count(side.delivered)), row("success", (side) => percent(side.success)),
            row("mean delay", (side) => delay(side.delay_ms)), row("failed", (side) => count(side.fail)),
            row("unknown mailbox", (side) => count(side.unknown)), row("rejected otherwise", (side) => count(side.rejected)),
            bySide ? row("waiting", (side) => count(side.waiting)) : null,
            bySide ? row("oldest waits", (side) => age(side.oldest_s)) : null)), waits);
}

/* A line breaks where there is no value. */
function lines(values, side, most) {
    const runs = [[]];
    values.forEach((value, i) => {
        if (value === null)
            runs.push([]);
        else
            runs[runs.length - 1].push((i * 300 / (values.length - 1)).toFixed(1) + "," + (68 - 64 * value / most).toFixed(1));
    });
    return runs.filter((run) => run.length > 0).map((run) =>
        draw("polyline", {class: side, points: (run.length === 1 ? [run[0], run[0]] : run).join(" ")}));
}

function chart(plan, title, key, show) {
    const old = plan.chart.old[key], now = plan.chart.new[key];
    const most = Math.max(1, ...old.concat(now).filter((value) => value !== null));
    const last = (values) => show(values[values.length - 1]);
    return make("figure", {},
        draw("svg", {class: "chart", viewBox: "0 0 300 70", preserveAspectRatio: "none", role: "img",
                     "aria-label": title + ", old and new"}, ...lines(old, "old", most), ...lines(now, "new", most)),
        make("figcaption", {}, title + ": ", make("span", {class: "old"}, "old " + last(old)), ", ",
            make("span", {class: "new"}, "new " + last(now)), "; at most " + show(most)));
}

function charts(plan) {
    if (!plan.chart)
        return null;
    const step = age(plan.chart.step_s), points = plan.chart.old.delivered.length;
    return wholePart("The last " + age(points * plan.chart.step_s) + ", in steps of " + step, make("div", {class: "charts"},
        chart(plan, "delivered", "delivered", count), chart(plan, "failed", "fail", count),
        chart(plan, "mean delay", "delay_ms", delay)));
}

function events(plan) {
    const rows = plan.events.map((event) => make("tr", {},
        make("td", {}, clock(event.time)), make("td", {class: "soft"}, event.who), make("th", {scope: "row"}, event.what),
        make("td", {}, event.from !== "" || event.to !== "" ? (event.from || "-") + " to " + (event.to || "-") : ""),
        make("td", {}, event.why)));
    return wholePart("Last events", rows.length === 0 ? make("p", {class: "empty"}, "none") :
        make("table", {class: "events"}, make("tbody", {}, ...rows)));
}

function hook(plan, now) {
    if (!plan.hook)
        return null;
    return make("p", {class: "waits"}, make("b", {}, "Running hook: "), plan.hook.name + ", for " + age(now - plan.hook.since));
}

function card(plan, domain, now) {
    const bad = plan.state === "rolled-back" || plan.state === "bad";
    return make("article", {class: bad ? "card alarm" : "card"},
        make("div", {class: "head"}, make("h2", {}, plan.domain), make("span", {class: "state " + plan.state}, plan.state)),
        make("p", {class: "sentence"}, plan.sentence + "."),
        plan.waits_for ? make("p", {class: "waits"}, make("b", {}, "Waits for: "), plan.waits_for) : null,
        plan.why && !bad ? make("p", {class: "waits"}, make("b", {}, "Why: "), plan.why) : null,
        hook(plan, now), alarm(plan), bar(plan), guard(plan),
        plan.command && !bad ? make("p", {class: "type"}, "To do: ", make("code", {}, plan.command)) : null,
        make("div", {class: "parts"}, stages(plan), sides(plan, domain, now), gates(plan), charts(plan), events(plan)));
}

/* Domains that have no plan. */
function others(domains, now) {
    if (domains.length === 0)
        return null;
    const rows = domains.map((domain) => make("tr", {},
        make("th", {scope: "row"}, domain.domain), make("td", {}, domain.mode === null ? "not known" : domain.mode),
        make("td", {class: "number"}, percent(domain.weight) + (domain.override ? " (override file)" : "")),
        make("td", {class: "number"}, count(domain.old.ok)), make("td", {class: "number"}, count(domain.new.ok)),
        make("td", {class: "number"}, count(domain.waiting)),
        make("td", {class: "number"}, domain.oldest_waiting ? age(now - domain.oldest_waiting) : "-"),
        make("td", {class: "number"}, domain.guard ? count(domain.guard.pinned + domain.guard.unknown) : "-")));
    const title = (text, kind) => make("th", {scope: "col", class: kind}, text);
    return make("article", {class: "card"}, make("h2", {}, "Without a plan"), make("div", {class: "wide"}, make("table", {},
        make("thead", {}, make("tr", {}, title("domain", ""), title("mode", ""), title("weight", "number"), title("to old", "number old"),
            title("to new", "number new"), title("waiting", "number"), title("oldest", "number"), title("pinned by the guard", "number"))),
        make("tbody", {}, ...rows))));
}

/* What is wrong with the controller itself, in sentences. */
function faults(status) {
    const log = status.log || {}, books = status.books || {}, queue = status.queue || {}, redis = status.redis || {};
    return [
        redis.up === false ? "Redis is away" + (redis.error ? ": " + redis.error : "") : null,
        log.trouble || null,
        log.silent ? "no line of Postfix for ten minutes" : null,
        status.gateways_differ ? status.gateways_differ + ": postshiftctl status --gateways" : null,
        ...(status.gateways || []).filter((gateway) => gateway.silent).map((gateway) =>
            gateway.name + " is silent; " + count(gateway.waiting) + " waited there at its last word"),
        books.balanced === false ? "the books do not balance: postshiftctl audit" : null,
        queue.trouble && queue.trouble !== "[cutover] queue = no" ? "the queue can't be compared: " + queue.trouble : null].filter(Boolean).join("; ");
}

/* --- the page --- */

const trouble = document.getElementById("trouble");
let answered = null;    /* when it last did */

function say(text) {
    trouble.textContent = text;
    trouble.hidden = text === "";
}

function show(status) {
    const plans = status.plans || [];
    const domains = status.domains || [];
    const now = status.now || Date.now() / 1000;
    const cards = plans.map((plan) => card(plan, domains.find((domain) => domain.domain === plan.domain), now));
    const rest = others(domains.filter((domain) => !plans.some((plan) => plan.domain === domain.domain)), now);
    const selection = window.getSelection();

    document.getElementById("source").textContent =
        ["postshift-cutover", status.version, status.gateway || status.host ? "on " + (status.gateway || status.host) : "",
         "at " + clock(now)].filter(Boolean).join(" ");
    /* Whoever copies a command keeps what is selected. */
    if (selection && !selection.isCollapsed)
        return;
    document.getElementById("plans").replaceChildren(...(cards.length > 0 ? cards :
        [make("p", {class: "empty"}, "No domain has a plan: ", make("code", {}, "postshiftctl plan start DOMAIN"))]), rest || "");
}

async function look() {
    try {
        const answer = await fetch("status.json", {cache: "no-store"});
        if (!answer.ok)
            throw new Error("it answers " + answer.status);
        const status = await answer.json();
        show(status);
        answered = Date.now();
        say(faults(status));
    } catch (error) {
        say("The controller can't be asked" + (answered === null ? "" : " since " + clock(answered / 1000)) + ": " + error.message +
            (answered === null ? "" : ".  What stands below is old."));
    }
    window.setTimeout(look, EVERY_MS);
}
look();
