// A request to the program that serves the page, for every page it serves.

/** What was refused, in one line. `status` 0: nobody answered. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Send a request and return what is answered, null where that is nothing; `who` answers, in messages. */
export async function send(method, path, { json, body, headers = {}, signal, who = "The studio" } = {}) {
  let response;
  const mutating = method !== "GET";
  try {
    response = await fetch(path, {
      method,
      signal,
      headers: mutating && body === undefined ? { "Content-Type": "application/json", ...headers } : headers,
      // oxlint-disable-next-line unicorn/no-invalid-fetch-options -- a GET is given none
      body: body ?? (mutating ? JSON.stringify(json ?? {}) : undefined),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, `${who} does not answer; it may be restarting.`);
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, answer?.error ?? `${who} answered ${response.status}.`);
  return answer;
}
