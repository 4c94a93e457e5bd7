// Datadog's own client for Node on an issue of ours: search, get, state, assignee, and what is not there.
// HOST, TOKEN, ISSUE and PERSON come from the environment; the exit code says whether all came as expected.
const assert = require("node:assert");
const { client, v2 } = require("@datadog/datadog-api-client");

const { HOST, TOKEN, ISSUE, PERSON } = process.env;
const configuration = client.createConfiguration({
  baseServer: new client.BaseServerConfiguration(HOST, {}),
  authMethods: { apiKeyAuth: TOKEN, appKeyAuth: TOKEN },
});
const api = new v2.ErrorTrackingApi(configuration);

async function main() {
  const now = Date.now();
  const attributes = { query: "*", from: now - 365 * 86400000, to: now + 86400000, track: "trace" };
  const found = await api.searchIssues({ body: { data: { attributes, type: "search_request" } } });
  assert(found.data.some((result) => result.id === ISSUE), "The issue is not found.");
  assert(found.data.every((result) => !result.unparsedObject));

  const issue = await api.getIssue({ issueId: ISSUE, include: ["assignee", "case"] });
  assert.strictEqual(issue.data.id, ISSUE);
  assert.strictEqual(issue.unparsedObject, undefined);

  const state = { data: { attributes: { state: "ACKNOWLEDGED" }, id: ISSUE, type: "error_tracking_issue" } };
  const changed = await api.updateIssueState({ issueId: ISSUE, body: state });
  assert.strictEqual(changed.data.attributes.state, "ACKNOWLEDGED");

  const assignee = { data: { id: PERSON, type: "assignee" } };
  const assigned = await api.updateIssueAssignee({ issueId: ISSUE, body: assignee });
  assert.strictEqual(assigned.data.relationships.assignee.data.id, PERSON);
  await api.deleteIssueAssignee({ issueId: ISSUE });

  await assert.rejects(
    api.getIssue({ issueId: "019bc0de-0000-7000-8000-00000000ffff" }),
    (error) => error.code === 404,
  );
  console.log("Search, get, state, assignee and 404 came as Datadog's client for Node expects.");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
