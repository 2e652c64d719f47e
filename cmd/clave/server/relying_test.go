package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/provider"
)

// relying is an application that keeps the JWKS for exactly as long as it is told
// (RFC 9111 section 4.2), and reads it no earlier unless refetches is set.
type relying struct {
	issuer string
	client *http.Client
	now    func() time.Time

	mu        sync.Mutex
	set       jose.JSONWebKeySet
	etag      string
	until     time.Time // the set is fresh before
	refetches bool      // where a kid is unknown
	reads     int
	learned   int // kids known only then
	verified  int
}

// verify checks the signature of token with the keys as cached, and returns who
// signed it.
func (r *relying) verify(token string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "", err
	}
	kid := jws.Signatures[0].Protected.KeyID
	if !r.now().Before(r.until) {
		if err := r.read(); err != nil {
			return kid, err
		}
	}
	keys := r.set.Key(kid)
	if len(keys) == 0 && r.refetches {
		if err := r.read(); err != nil {
			return kid, err
		}
		keys = r.set.Key(kid)
		r.learned += len(keys)
	}
	if len(keys) != 1 {
		return kid, fmt.Errorf("%d keys are called %s among %d, fresh until %s", len(keys), kid, len(r.set.Keys), r.until.Format(time.TimeOnly))
	}
	_, err = jws.Verify(keys[0])
	r.verified++
	return kid, err
}

// read gets the JWKS. Its age counts from when it was asked for (RFC 9111 section
// 4.2.3).
func (r *relying) read() error {
	asked := r.now()
	req, err := http.NewRequest(http.MethodGet, r.issuer+provider.PathKeys, nil)
	if err != nil {
		return err
	}
	req.Header.Set("If-None-Match", r.etag)
	res, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	var age int
	for one := range strings.SplitSeq(res.Header.Get("Cache-Control"), ",") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(one), "max-age="); ok {
			if age, err = strconv.Atoi(text); err != nil {
				return err
			}
		}
	}
	r.reads++
	r.until, r.etag = asked.Add(time.Duration(age)*time.Second), res.Header.Get("ETag")
	switch res.StatusCode {
	case http.StatusNotModified:
		return nil
	case http.StatusOK:
		r.set = jose.JSONWebKeySet{}
		return json.Unmarshal(body, &r.set)
	default:
		return fmt.Errorf("the JWKS: %s", res.Status)
	}
}
