// The npm package "openai" against a server: node client.mjs BASE_URL. Prints "ok" if all is as it should be.
import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const model = "local/stories";
const messages = [{ role: "user", content: "Hello" }];

const completion = await client.completions.create({ model, prompt: "One morning Mia", max_tokens: 8, temperature: 0 });
assert.ok(completion.choices[0].text.startsWith(" skipped to the"), completion.choices[0].text);
assert.equal(completion.usage.completion_tokens, 8);

const stream = await client.chat.completions.create({ model, messages, max_tokens: 6, stream: true, stream_options: { include_usage: true } });
let usage = null, finish = null;
for await (const chunk of stream) {
  usage = chunk.usage ?? usage;
  finish = chunk.choices[0]?.finish_reason ?? finish;
}
assert.equal(finish, "length");
assert.equal(usage.completion_tokens, 6);

const schema = { type: "object", properties: { name: { enum: ["Mia", "Zoe"] } }, required: ["name"], additionalProperties: false };
const json = await client.chat.completions.create({ model, messages, max_tokens: 80, response_format: { type: "json_schema", json_schema: { name: "x", strict: true, schema } } });
assert.ok(["Mia", "Zoe"].includes(JSON.parse(json.choices[0].message.content).name));

const tools = [{ type: "function", function: { name: "weather", parameters: schema } }];
const called = await client.chat.completions.create({ model, messages, max_tokens: 80, tools, tool_choice: "required" });
const call = called.choices[0].message.tool_calls[0];
assert.equal(call.function.name, "weather");
await client.chat.completions.create({
  model, tools, max_tokens: 4,
  messages: [...messages, called.choices[0].message, { role: "tool", tool_call_id: call.id, content: "Rain." }],
});

const vectors = await client.embeddings.create({ model, input: ["a cold day", "a warm day"] });
assert.equal(vectors.data[1].embedding.length, 192);
assert.equal((await client.models.retrieve(model)).id, model);
assert.equal((await client.models.list()).data[0].id, model);
await assert.rejects(client.completions.create({ model: "gpt-5", prompt: "x" }), (e) => e.status === 404 && e.code === "model_not_found");
await assert.rejects(client.completions.create({ model, prompt: "x", suffix: "y" }), (e) => e.status === 400 && e.param === "suffix");
console.log("ok");
