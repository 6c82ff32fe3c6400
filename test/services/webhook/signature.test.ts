import assert from "node:assert/strict";
import { signedHeaders } from "../../../services/webhook/signature.ts";

describe("the signature of a request", () => {
  const it1 = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1614265330, body: '{"test": 2432232314}' };

  it("is that of Standard Webhooks: the example that its libraries are tested with", () => {
    assert.deepEqual(signedHeaders(it1, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), {
      "webhook-id": it1.id,
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  it("takes any other secret as the key itself", () => {
    const plain = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
    const text = "a key of text, ünïcode too";
    const asBase64 = `whsec_${Buffer.from(text).toString("base64")}`;
    assert.deepEqual(signedHeaders(it1, text), signedHeaders(it1, asBase64));
    assert.notDeepEqual(signedHeaders(it1, text), signedHeaders(it1, `whsec_${plain.toString("base64")}`));
  });

  it("is left out without a secret", () => {
    assert.deepEqual(Object.keys(signedHeaders(it1, "")), ["webhook-id", "webhook-timestamp"]);
  });
});
