"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const search = document.getElementById("search");
const group = document.getElementById("group");

function element(tag, text, ...classes) {
  const made = document.createElement(tag);
  made.textContent = text;
  made.classList.add(...classes);
  return made;
}

function place(finding) {
  const line = finding.line === null ? "" : `:${finding.line}:${finding.column}`;
  return finding.path + line;
}

function described(finding) {
  const box = element("div", "", "finding");
  const head = element("p", "");
  head.append(element("span", finding.severity, "severity", finding.severity), " ");
  head.append(element("span", place(finding), "place"));
  const what = element("p", `${finding.title} `);
  what.append(element("span", finding.redacted, "redacted"));
  box.append(head, what);
  if (finding.commit !== null) {
    box.append(element("p", [finding.commit.slice(0, 12), finding.author, finding.date].filter(Boolean).join("  "), "detail"));
  }
  if (finding.reason) box.append(element("p", `does not count: ${finding.reason}`, "detail"));
  box.append(element("p", `${finding.rule}  fingerprint ${finding.fingerprint}`, "detail"));
  return box;
}

function groups(findings, name) {
  const found = new Map();
  for (const finding of findings) {
    const key = finding[name] || "(none)";
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(finding);
  }
  return found;
}

function title(name, key, findings) {
  return name === "fingerprint" ? `${findings[0].title} ${findings[0].redacted}` : key;
}

function matches(finding, words) {
  const text = JSON.stringify(finding).toLowerCase();
  return words.every((word) => text.includes(word));
}

function show() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const findings = data.findings.filter((finding) => matches(finding, words));
  const sections = [];
  for (const [key, members] of groups(findings, group.value)) {
    const section = element("section", "", "group");
    section.append(element("h2", `${title(group.value, key, members)} (${members.length})`));
    if (group.value === "fingerprint") section.append(element("p", members[0].advice, "finding", "detail"));
    section.append(...members.map(described));
    sections.push(section);
  }
  document.getElementById("findings").replaceChildren(...sections);
  document.getElementById("count").textContent = `${findings.length} of ${data.findings.length}`;
}

document.getElementById("summary").textContent = data.summary;
if (data.errors.length) {
  const errors = document.getElementById("errors");
  errors.hidden = false;
  errors.querySelector("ul").append(...data.errors.map((error) => element("li", error)));
}
search.addEventListener("input", show);
group.addEventListener("change", show);
show();
