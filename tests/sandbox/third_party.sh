#!/usr/bin/env bash
# A client of the AI Video API that was written from api.md alone, with curl, jq and nc: no code of this project.
# In: BASE, KEY, and keys that each have one thing wrong with them: FAILING_KEY (its tasks fail), POOR_KEY (no credits),
# FOREIGN_KEY (another IP), CAPPED_KEY (spend cap), LIMITED_KEY (429), BROKEN_KEY (500), UPSTREAM_KEY (503). PORT is free.
set -euo pipefail

fail() { echo "FAILED: $*" >&2; exit 1; }
call() { # METHOD PATH KEY [JSON]; the body on the first lines, the status on the last
    curl -sS --max-time 20 -X "$1" -H "Authorization: Bearer $3" -H 'Content-Type: application/json' \
        ${4:+-d "$4"} -w '\n%{http_code}' "$BASE$2"
}
submit() { # KIND JSON [KEY] -> task id
    local answer; answer=$(call POST "/v1/$1/generations" "${3:-$KEY}" "$2")
    test "$(tail -n 1 <<<"$answer")" = 200 || fail "create: $answer"
    head -n 1 <<<"$answer" | jq -er 'select(.code == 200 and .msg == "success").data.taskId'
}
finished() { # ID [KEY] -> the task
    local task status
    for _ in $(seq 200); do
        task=$(call GET "/v1/tasks/$1" "${2:-$KEY}" | head -n 1)
        status=$(jq -r .status <<<"$task")
        case $status in
            completed | failed) echo "$task"; return ;;
            pending | processing) jq -e '.progress == null and (.created_at | type == "number")' >/dev/null <<<"$task" ;;
            *) fail "status $status" ;;
        esac
        sleep 0.05
    done
    fail "$1 does not end"
}
balance() { call GET /v1/credits "${1:-$KEY}" | head -n 1 | jq -er 'select(.code == 200).data.balance'; }
file() { # TASK MAGIC: the first result begins with these bytes, in hex
    local url; url=$(jq -er '.output.urls[0]' <<<"$1")
    curl -sSf --max-time 20 -o result "$url"
    test "$(xxd -p -l 12 result | grep -c "$2")" = 1 || fail "$url is no $2"
    test "$(curl -s -o /dev/null -w '%{http_code}' "${url}0")" = 403 || fail "a changed signature is let in"
}
refused() { # STATUS CODE TYPE KIND JSON [KEY]
    local answer; answer=$(call POST "/v1/$4/generations" "${6-$KEY}" "$5")
    test "$(tail -n 1 <<<"$answer")" = "$1" || fail "$1 $2: $answer"
    head -n 1 <<<"$answer" | jq -e --arg code "$2" --arg type "$3" \
        '.error | .code == $code and .type == $type and (.message | length > 0)' >/dev/null || fail "$2: $answer"
    echo "  $1 $2"
}

echo "text to video, flat"
before=$(balance)
id=$(submit videos '{"model":"sora-2","prompt":"a city cafe at sunrise","duration":8,"size":"1280x720"}')
task=$(finished "$id")
jq -e --arg id "$id" '.id == $id and .status == "completed" and .model == "sora-2" and .completed_at >= .created_at
    and .output.metadata.duration == 8 and .output.metadata.ratio == "16:9"' >/dev/null <<<"$task" || fail "$task"
file "$task" 66747970
test "$(jq -n "$before - $(balance)")" = 200 || fail "8 seconds of Sora are 200 credits"

echo "an image"
task=$(finished "$(submit images '{"model":"nano-banana-2","input":{"prompt":"a boat","output_format":"png"}}')")
file "$task" 89504e47

echo "image to video, nested, from that image"
url=$(jq -r '.output.urls[0]' <<<"$task")
body=$(jq -n --arg url "$url" '{model: "sora-2", input: {prompt: "it sails", duration: 4, aspect_ratio: "9:16", image_urls: [$url]}}')
task=$(finished "$(submit videos "$body")")
jq -e '.output.metadata.duration == 4' >/dev/null <<<"$task" || fail "$task"
file "$task" 66747970

echo "a failure gives its credits back"
before=$(balance)
task=$(finished "$(submit videos '{"model":"sora-2","prompt":"x"}' "$FAILING_KEY")" "$FAILING_KEY")
jq -e '.status == "failed" and .error.code == "upstream_error" and (.error.message | test("Request id: "))
    and (has("completed_at") | not)' >/dev/null <<<"$task" || fail "$task"
test "$(balance)" = "$before" || fail "no refund"

echo "every error code"
sora='{"model":"sora-2","prompt":"x"}'
refused 400 invalid_request invalid_request_error videos '{"model":"sora-2","prompt":"x","duration":7}'
refused 400 invalid_request invalid_request_error videos 'no JSON'
refused 401 invalid_api_key authentication_error videos "$sora" sk-unknown
refused 402 insufficient_credits billing_error videos "$sora" "$POOR_KEY"
refused 403 ip_not_allowed permission_error videos "$sora" "$FOREIGN_KEY"
refused 404 model_not_found invalid_request_error videos '{"model":"sora-9","prompt":"x"}'
refused 429 rate_limit_exceeded rate_limit_error videos "$sora" "$LIMITED_KEY"
refused 429 spend_limit_exceeded billing_error videos "$sora" "$CAPPED_KEY"
refused 500 internal_error api_error videos "$sora" "$BROKEN_KEY"
refused 503 upstream_error upstream_error videos "$sora" "$UPSTREAM_KEY"
answer=$(call GET /v1/tasks/00000000-0000-4000-8000-000000000000 "$KEY")
test "$(tail -n 1 <<<"$answer")" = 404 || fail "$answer"
head -n 1 <<<"$answer" | jq -e '.error.code == "task_not_found"' >/dev/null || fail "$answer"
echo "  404 task_not_found"

echo "a callback"
printf 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' | timeout 30 nc -l -N 127.0.0.1 "$PORT" >callback &
listener=$!
for _ in $(seq 100); do grep -qi ":$(printf '%04X' "$PORT") .* 0A " /proc/net/tcp && break; sleep 0.05; done
id=$(submit videos "$(jq -n --arg url "http://127.0.0.1:$PORT/hook" '{model: "sora-2", prompt: "x", callback_url: $url}')")
wait "$listener"
tr -d '\r' <callback >lines
head -n 1 lines | grep -qx 'POST /hook HTTP/1.1' || fail "$(cat callback)"
grep -qix 'X-Event: task.completed' lines && grep -qix "X-Task-Id: $id" lines || fail "$(cat callback)"
grep -qiE '^X-Timestamp: [0-9]{10}$' lines || fail "$(cat callback)"
sed '1,/^$/d' lines | jq -e --arg id "$id" '.id == $id and .status == "completed" and (.output.urls | length == 1)' >/dev/null ||
    fail "$(cat callback)"
echo "done"
