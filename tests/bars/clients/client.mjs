// Publishes and receives with the `cloudevents` package of npm: `client.mjs publish MODE URL` or
// `client.mjs receive`. It is run in the folder into which the package is installed.
//
// What is published or received is printed as the SDK sees it, one line of JSON each.

import { readFileSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json"));
const { CloudEvent, HTTP } = require("cloudevents");

function built(mode, row) {
  const event = {
    id: `node-${mode}-${row.case}`,
    source: "https://example.com/bars/node",
    ...row.attributes,
  };
  const data = row.data;
  if (data?.base64 !== undefined) {
    event.data = new Uint8Array(Buffer.from(data.base64, "base64"));
  } else if (data !== undefined) {
    event.data = data.json ?? data.text;
  }
  return new CloudEvent(event);
}

function show(event, madeUp = [], sent = {}) {
  const attributes = { ...sent };
  for (const [name, value] of Object.entries(event.toJSON())) {
    if (!["data", "data_base64", ...madeUp].includes(name) && value !== undefined) {
      attributes[name] = String(value);
    }
  }
  const kind = attributes.datacontenttype ?? "application/json";
  let data = null;
  if (event.data_base64) {
    data = { base64: event.data_base64 };
  } else if (kind === "application/json") {
    data = event.data === undefined || event.data === "" ? null : { json: event.data };
  } else if (kind.endsWith("+json")) {
    // The SDK parses application/json only.
    data = { json: typeof event.data === "string" ? JSON.parse(event.data) : event.data };
  } else if (event.data !== undefined && event.data !== "") {
    data = { base64: Buffer.from(event.data).toString("base64") };
  }
  console.log(JSON.stringify({ attributes, data }));
}

function post(url, message) {
  return new Promise((resolve, reject) => {
    const options = { method: "POST", headers: message.headers };
    const request = http.request(url, options, (answer) => {
      let text = "";
      answer.on("data", (part) => (text += part));
      answer.on("end", () => {
        if (answer.statusCode === 200) {
          resolve();
        } else {
          reject(new Error(`${JSON.stringify(message)}: ${answer.statusCode} ${text}`));
        }
      });
    });
    request.on("error", reject);
    request.end(message.body);
  });
}

async function publish(mode, url) {
  const table = JSON.parse(readFileSync(new URL("events.json", import.meta.url), "utf8"));
  // The SDK does not percent-encode header values, so beyond ASCII it has no binary mode.
  const rows = table.filter((row) => mode !== "binary" || !row.unicode);
  const events = rows.map((row) => built(mode, row));
  if (mode === "batch") {
    const headers = { "content-type": "application/cloudevents-batch+json" };
    await post(url, { headers, body: JSON.stringify(events) });
  } else {
    for (const event of events) {
      await post(url, HTTP[mode](event));
    }
  }
  // In the binary mode the SDK sends this content type when the event has none.
  const sent = mode === "binary" ? { datacontenttype: "application/json; charset=utf-8" } : {};
  events.forEach((event) => show(event, [], sent));
}

function receive() {
  const server = http.createServer((request, answer) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const kind = request.headers["content-type"] ?? "application/json";
      const whole = Buffer.concat(parts);
      const binary = kind === "application/octet-stream";
      const body = binary ? new Uint8Array(whole) : whole.toString("utf8");
      const event = HTTP.toEvent({ headers: request.headers, body });
      // An event without a time gets one from the SDK.
      show(event, request.headers["ce-time"] === undefined ? ["time"] : []);
      answer.writeHead(204).end();
    });
  });
  server.listen(0, "127.0.0.1", () => {
    console.log(JSON.stringify({ port: server.address().port }));
  });
}

if (process.argv[2] === "publish") {
  await publish(process.argv[3], process.argv[4]);
} else {
  receive();
}
