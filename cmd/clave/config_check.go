package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/templates"
)

// relate finds what is wrong between keys that are each right by themselves.
func (r *reader) relate(c *config) {
	r.both("tls.cert_file", "tls.key_file")
	if _, text := r.entries["database.url"]; !text {
		if _, file := r.entries["database.url_file"]; !file && !r.mentioned("database.url") && !r.mentioned("database.url_file") {
			r.problems = append(r.problems, problem{
				r.place("database.url"), "database.url", "is missing",
				"write url: postgres://USER@HOST/NAME?sslmode=verify-full, or url_file",
			})
		}
	} else if _, file := r.entries["database.url_file"]; file {
		r.refuse("database.url_file", "is written beside database.url", "keep one of them")
	}
	r.transport(c)
	r.mutual(c)
	r.database(c)
	r.mail(c)
	if c.Keys.Current != "" && len(c.Keys.Seal) > 0 {
		if _, ok := c.Keys.Seal[c.Keys.Current]; !ok {
			r.refuse("keys.current", fmt.Sprintf("%q is not among keys.seal", clip(c.Keys.Current)), "name one of the keys listed there")
		}
	}
	r.distinct(c)
	if c.Clave.Min > c.Clave.Waiver {
		r.refuse("clave.waiver", "is less than clave.min, so that no clave would ever expire", "raise it, or write clave.max_age: 0")
	}
	if len(c.Unlock.Ways) == 0 && c.Login.LockExpires == 0 && !r.mentioned("login.lock_expires") {
		r.refuse("unlock.ways", "is empty, and login.lock_expires is 0: whoever is locked would have no way back",
			"write some of "+joinWays(templates.Ways(), ", ")+", or login.lock_expires: 24h")
	}
	if c.Login.Idle > c.Login.Absolute {
		r.refuse("login.session_idle", "is longer than login.session_max", "make it shorter")
	}
	if times := c.keyTimes(); times.Check() != nil && !r.mentioned("tokens.key_cache") {
		r.refuse("tokens.key_life", fmt.Sprintf("%s is too short while tokens.key_cache is %s: the next key would sign before every application knows it",
			days(times.Life), days(times.Cache)),
			fmt.Sprintf("write at least %s, or a shorter tokens.key_cache, or 0 to rotate by hand", times.Lead()))
	}
	if c.Hash.Memory > 0 && !strong(c.Hash.Memory, c.Hash.Passes) {
		r.refuse("hash.memory", fmt.Sprintf("%d KiB with %d passes is too weak a hash", c.Hash.Memory, c.Hash.Passes),
			"write at least memory: 19456 with passes: 2, or 47104 with 1, 12288 with 3, 9216 with 4, 7168 with 5")
	}
	if c.Stop.Deadline < c.HTTP.BodyTimeout && c.Stop.Deadline > 0 && c.Stop.Deadline < 5*time.Second {
		r.refuse("stop.deadline", days(c.Stop.Deadline)+" cuts off requests that wait for a clave to be hashed", "write at least 5s")
	}
}

// strong reports whether Argon2id with these parameters is one of the least that
// OWASP's Password Storage Cheat Sheet accepts, or more (FT-26).
func strong(memory, passes uint32) bool {
	for _, least := range [][2]uint32{{47104, 1}, {19456, 2}, {12288, 3}, {9216, 4}, {7168, 5}} {
		if memory >= least[0] && passes >= least[1] {
			return true
		}
	}
	return false
}

func (r *reader) refuse(key, what, remedy string) {
	if !r.mentioned(key) {
		r.problems = append(r.problems, problem{r.place(key), key, what, remedy})
	}
}

func (r *reader) both(a, b string) {
	_, hasA := r.entries[a]
	_, hasB := r.entries[b]
	if hasA != hasB {
		if hasA {
			a, b = b, a
		}
		r.refuse(a, "is missing beside "+b, "write both, or neither")
	}
}

// transport says how TLS ends: here, at a named proxy, or not at all on this
// machine only.
func (r *reader) transport(c *config) {
	if c.Issuer == nil {
		return
	}
	ends := c.TLS.Cert != "" || r.mentioned("tls.cert_file") || r.mentioned("tls.key_file")
	proxied := len(c.Proxy.Trusted) > 0 || r.mentioned("proxy.trusted")
	switch {
	case c.Issuer.Scheme == "https" && !ends && !proxied:
		r.refuse("tls.cert_file", "is missing, and no proxy is named: nothing would end TLS",
			"write tls.cert_file and tls.key_file, or proxy.trusted")
	case c.Issuer.Scheme == "http" && ends:
		r.refuse("issuer", "is http, yet a certificate is given", "write https://")
	case c.Issuer.Scheme == "http" && !proxied:
		if host, _, err := net.SplitHostPort(c.Listen); err == nil && !loopback(host) {
			r.refuse("listen", fmt.Sprintf("%q is open to others, while the issuer is http", c.Listen), "write listen: 127.0.0.1:8080")
		}
	}
	if c.Listen != "" && c.Listen == c.Internal && !strings.HasSuffix(c.Listen, ":0") {
		r.refuse("internal.listen", "is the public address", "give it a port of its own")
	}
	if c.TLS.Cert != "" && c.TLS.Key != "" {
		if what, remedy := certificate(c.TLS.Cert, c.TLS.Key, c.Issuer.Hostname(), time.Now()); what != "" {
			r.refuse("tls.cert_file", what, remedy)
		}
	}
}

// certificate says what is wrong with a certificate for host, and what to do.
func certificate(certFile, keyFile, host string, now time.Time) (string, string) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		if strings.Contains(err.Error(), "does not match") {
			return "does not belong to tls.key_file", "name the certificate made for this key"
		}
		return "cannot be read: " + strings.TrimPrefix(err.Error(), "tls: "), "write PEM: certificate chain and private key"
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	switch {
	case err != nil:
		return "cannot be read: " + err.Error(), "write the certificate in PEM, the server's own first"
	case now.After(leaf.NotAfter):
		return "expired on " + leaf.NotAfter.UTC().Format(time.DateOnly), "renew it"
	case now.Before(leaf.NotBefore):
		return "is valid only from " + leaf.NotBefore.UTC().Format(time.DateOnly), "name the current one, or set the clock"
	case leaf.VerifyHostname(host) != nil:
		return "is not for " + host, "name the certificate of the issuer's host"
	}
	return "", ""
}

// database refuses to speak to PostgreSQL over a network in the clear (ASVS 12.3.1).
func (r *reader) database(c *config) {
	u, err := url.Parse(c.Database.URL)
	if c.Database.URL == "" || err != nil {
		return
	}
	key := "database.url"
	if _, text := r.entries[key]; !text {
		key = "database.url_file"
	}
	if u.Scheme == "sqlite" {
		c.Database.URL = "sqlite:" + c.path(strings.TrimPrefix(c.Database.URL, "sqlite:"))
		return
	}
	q := u.Query()
	host := u.Hostname()
	if host == "" {
		host = q.Get("host")
	}
	local := host == "" || strings.HasPrefix(host, "/") || loopback(host)
	if !local && !c.Database.Plaintext && q.Get("sslmode") != "verify-full" {
		r.refuse(key, "reaches another machine without checking its certificate",
			"add sslmode=verify-full (and sslrootcert=FILE), or write database.plaintext: true where the network between is yours alone")
	}
}

// distinct refuses one key for two purposes: one leak would be two.
func (r *reader) distinct(c *config) {
	type use struct {
		name string
		key  []byte
	}
	uses := []use{{"keys.index_file", c.Keys.Index}, {"keys.pairwise_file", c.Keys.Pairwise}}
	var ids []string
	for id := range c.Keys.Seal {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		uses = append(uses, use{"keys.seal", c.Keys.Seal[id]})
	}
	for i, a := range uses {
		for _, b := range uses[:i] {
			if len(a.key) > 0 && string(a.key) == string(b.key) {
				r.refuse(a.name, "holds the same key as "+b.name, "make one for each purpose: clave config key FILE")
			}
		}
	}
}
