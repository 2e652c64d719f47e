package challenge

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/altcha-org/altcha-lib-go"
)

// maxSolution bounds what is parsed of a solution; ours have some 500 bytes.
const maxSolution = 2 << 10

// Parameters in the salt, which the signature covers. The library's own "expires"
// is not among them: the widget would compare it with the clock of the person's
// machine, and the library with one that tests cannot set.
const (
	paramBinding = "b"
	paramUntil   = "u" // unix seconds
	paramWork    = "w"
)

// pose makes a proof of work, as JSON.
func (c *Challenge) pose(f Form, cost Cost, now time.Time) (string, error) {
	work := max(cost.Work, 1)
	posed, err := altcha.CreateChallenge(altcha.ChallengeOptions{
		Algorithm: altcha.SHA256, MaxNumber: work, HMACKey: c.hmacKey, Salt: rand.Text(),
		Params: url.Values{
			paramBinding: {c.binding(f)},
			paramUntil:   {strconv.FormatInt(now.Add(Life).Unix(), 10)},
			paramWork:    {strconv.FormatInt(work, 10)},
		},
	})
	if err != nil {
		return "", fmt.Errorf("challenge: pose: %w", err)
	}
	b, err := json.Marshal(posed)
	if err != nil {
		return "", fmt.Errorf("challenge: pose: %w", err)
	}
	return string(b), nil
}

// solved reads a solution. Its error is ErrUnsolved.
func (c *Challenge) solved(solution string, f Form, due Cost) (answer, error) {
	p, ok := parseSolution(solution)
	if !ok {
		return answer{}, ErrUnsolved
	}
	// The salt ends in "&", so that no digit of it passes for one of the number.
	right, err := altcha.VerifySolutionSafe(p, c.hmacKey, false)
	if err != nil || !right || !strings.HasSuffix(p.Salt, "&") {
		return answer{}, ErrUnsolved
	}
	params := altcha.ExtractParams(p) // signed by us from here on
	until, err := strconv.ParseInt(params.Get(paramUntil), 10, 64)
	if err != nil || !hmac.Equal([]byte(params.Get(paramBinding)), []byte(c.binding(f))) {
		return answer{}, ErrUnsolved
	}
	work, err := strconv.ParseInt(params.Get(paramWork), 10, 64)
	if err != nil {
		return answer{}, ErrUnsolved
	}
	a := answer{id: "work " + p.Challenge, expires: time.Unix(until, 0)}
	if work < due.Work {
		a.cause = ErrCheap
	}
	return a, nil
}

// parseSolution reads what the widget sends: base64 of a JSON object.
func parseSolution(solution string) (altcha.Payload, bool) {
	var p altcha.Payload
	if len(solution) > maxSolution {
		return p, false
	}
	b, err := base64.StdEncoding.DecodeString(solution)
	if err != nil {
		return p, false
	}
	if err := json.Unmarshal(b, &p); err != nil || p.Algorithm != string(altcha.SHA256) || p.Number < 0 {
		return p, false
	}
	return p, true
}

// binding names purpose and browser without saying them.
func (c *Challenge) binding(f Form) string {
	h := hmac.New(sha256.New, c.bindKey)
	h.Write(f.context())
	return hex.EncodeToString(h.Sum(nil)[:16])
}
