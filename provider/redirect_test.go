package provider

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
)

// hostile are more than 300 addresses that look like base and are not base.
func hostile(base string) []string {
	u, err := url.Parse(base)
	if err != nil {
		panic(err)
	}
	scheme, host, path := u.Scheme, u.Host, u.Path
	var out []string
	add := func(forms ...string) { out = append(out, forms...) }
	for _, h := range []string{ // other hosts
		"evil.example", host + ".evil.example", "evil.example." + host, "evil-" + host, host + "@evil.example", "evil.example@" + host,
		"user:pass@" + host, host + ":@evil.example", host + "%40evil.example", host + "%2eevil.example", host + ".", "." + host,
		"www." + host, strings.ToUpper(host), strings.Title(host), host + ":80", host + ":443", host + ":8443", host + ":", host + ":0443", //nolint:staticcheck // ASCII only
		host + "%00", host + "%00.evil.example", host + "\x00.evil.example", host + "\\.evil.example", host + "%5c.evil.example",
		host + "/.evil.example", host + "#.evil.example", host + "?.evil.example", host + ";.evil.example", host + ",evil.example",
		host + " evil.example", host + "\tevil.example", host + "\r\nSet-Cookie:a=b", host + "%0d%0aSet-Cookie:a=b", host + "。evil.example",
		strings.ReplaceAll(host, "e", "е"), strings.ReplaceAll(host, "a", "а"), strings.ReplaceAll(host, ".", "。"), strings.ReplaceAll(host, ".", "%2E"), //nolint:gosmopolitan // look-alikes
		strings.ReplaceAll(host, ".", "．"), "xn--" + host, "[::1]", "127.0.0.1", "2130706433", "0x7f000001", "localhost", "[" + host + "]",
		"evil.example/" + host, "evil.example?" + host, "evil.example#" + host, "evil.example\\" + host, "evil.example%2f" + host, "",
	} {
		add(scheme+"://"+h+path, scheme+":/"+h+path, scheme+":"+h+path, "//"+h+path)
	}
	for _, s := range []string{"http", "HTTPS", "Https", "ftp", "javascript", "data", "file", "vbscript", "blob", "ws", "https%3A", "https\t", " https", "\thttps", "https "} {
		add(s + "://" + host + path)
	}
	for _, p := range []string{ // other paths
		"", "/", path + "/", path + "//", "/" + path, path + "/..", path + "/../evil", path + "/.", "/." + path, "/x/.." + path, "/%2e%2e" + path,
		path + "%2f", path + "%00", path + "\x00", path + "%20", path + " ", path + "+", path + "?", path + "?x=1", path + "&x=1", path + ";x=1",
		path + "#", path + "#x", path + "%23x", path + "%3fx=1", path + "x", strings.ToUpper(path), strings.TrimSuffix(path, "b"), path + "\\",
		path + "%5c", "\\" + path, path + "\r\nLocation: https://evil.example", path + "%0d%0aLocation:%20https://evil.example", path + "\n", path + "%0a",
		path + "\u2028", path + "\u200b", path + "\ufeff", path + "é", path + "%C3%A9", path + "*", "/*", path + ".json", path + ":80", path + "@evil.example",
		path + "/@evil.example", path + "/https://evil.example", path + "?redirect=https://evil.example", path + "?code=1&state=2", path + "#code=1",
	} {
		add(scheme + "://" + host + p)
	}
	for i, c := range path { // each byte percent-encoded, in both cases of the digits
		add(fmt.Sprintf("%s://%s%s%%%02X%s", scheme, host, path[:i], c, path[i+1:]), fmt.Sprintf("%s://%s%s%%%02x%s", scheme, host, path[:i], c, path[i+1:]))
	}
	add(url.QueryEscape(base), url.PathEscape(base), " "+base, base+" ", base+"\x00", "\n"+base, base+base, base+","+base, base+" "+base,
		"<"+base+">", "\""+base+"\"", "view-source:"+base, "javascript:alert(1)//"+base, "data:text/html,"+base, "https:"+base, "//"+base, "/"+base,
		"\\\\"+host+path, "/\\"+host+path, "https:///"+host+path, "https:\\\\"+host+path, "https:/\\"+host+path, "https://"+host+"/\\evil.example",
		"https://"+host+"//evil.example", "https://"+host+"/%5c%5cevil.example", "*", "https://*", "https://*.example/cb", "https://%2a.example/cb", "null", "undefined", ".", "..", "/", "?", "#")
	return out
}

// The library unescapes before it compares (oidc.md 2.2): "/a%2Fb" passes for
// "/a/b" there.
func TestT10_ASVS_10_4_1_OIDC_2_2_16_RedirectsAreComparedToTheLetter(t *testing.T) {
	web := storage.ClientMetadata{ApplicationType: "web", RedirectURIs: []string{"https://web.example/cb"}}
	native := storage.ClientMetadata{ApplicationType: "native", RedirectURIs: []string{"https://web.example/cb", "http://127.0.0.1/cb"}}
	forms := hostile("https://web.example/cb")
	if len(forms) < 300 {
		t.Fatalf("only %d forms", len(forms))
	}
	for _, uri := range forms {
		if uri == "https://web.example/cb" {
			t.Fatalf("a form that is the address itself: %q", uri)
		}
		for _, m := range []storage.ClientMetadata{web, native} {
			if redirectAllowed(m, uri) {
				t.Errorf("%s: %q is taken for a registered address", m.ApplicationType, uri)
			}
		}
	}
	want(t, "the address itself", redirectAllowed(web, "https://web.example/cb"), true)
	encoded := storage.ClientMetadata{RedirectURIs: []string{"https://web.example/a%20b"}}
	want(t, "a registered escape matches itself", redirectAllowed(encoded, "https://web.example/a%20b"), true)
}

func TestT10_NoHostileRedirectGetsALocation(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, uri := range hostile("https://web.example/cb") {
			res, _ := h.do(http.MethodGet, PathAuthorize+"?"+h.request("web").Encode()+"&"+url.Values{"redirect_uri": {uri}}.Encode(), "")
			if res.StatusCode != http.StatusBadRequest || res.Header.Get("Location") != "" {
				t.Errorf("twice, with %q: got %d to %q", uri, res.StatusCode, res.Header.Get("Location"))
			}
			q := h.request("web")
			q.Set("redirect_uri", uri)
			res, _ = h.do(http.MethodGet, PathAuthorize+"?"+q.Encode(), "")
			if res.StatusCode != http.StatusBadRequest || res.Header.Get("Location") != "" {
				t.Errorf("%q: got %d to %q", uri, res.StatusCode, res.Header.Get("Location"))
			}
			res, _ = h.do(http.MethodGet, PathLogout+"?"+url.Values{"client_id": {"web"}, "post_logout_redirect_uri": {uri}}.Encode(), "")
			if res.Header.Get("Location") != "" || res.StatusCode >= 500 {
				t.Errorf("logout %q: got %d to %q", uri, res.StatusCode, res.Header.Get("Location"))
			}
		}
	})
}

func TestLoopbackPortIsFreeForNativeApplications(t *testing.T) {
	m := storage.ClientMetadata{ApplicationType: "native", RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]:9000/cb?x=1", "http://localhost/cb", "https://127.0.0.1/cb"}}
	for uri, allowed := range map[string]bool{
		"http://127.0.0.1/cb":            true,
		"http://127.0.0.1:1/cb":          true,
		"http://127.0.0.1:65535/cb":      true,
		"http://[::1]/cb?x=1":            true,
		"http://[::1]:50000/cb?x=1":      true,
		"http://localhost/cb":            true,
		"http://127.0.0.1:0/cb":          false,
		"http://127.0.0.1:65536/cb":      false,
		"http://127.0.0.1:/cb":           false,
		"http://127.0.0.1:80a/cb":        false,
		"http://127.0.0.1:+80/cb":        false,
		"http://127.0.0.1:80@evil/cb":    false,
		"http://127.0.0.1@evil/cb":       false,
		"http://127.0.0.1.evil/cb":       false,
		"http://127.0.0.1:80":            false,
		"http://127.0.0.1:80/cb/":        false,
		"http://127.0.0.1:80/cb?x=1":     false,
		"http://127.0.0.1:80/cb#f":       false,
		"https://127.0.0.1:80/cb":        false,
		"http://127.0.0.2:80/cb":         false,
		"http://127.1:80/cb":             false,
		"http://localhost:80/cb":         false, // a name may resolve elsewhere
		"http://[::1]:50000/cb":          false,
		"http://[0:0:0:0:0:0:0:1]/cb":    false,
		"http://[::ffff:127.0.0.1]:1/cb": false,
	} {
		want(t, uri, redirectAllowed(m, uri), allowed)
	}
	m.ApplicationType = "web"
	want(t, "not for web", redirectAllowed(m, "http://127.0.0.1:1/cb"), false)
}

func FuzzT27_RedirectMatcher(f *testing.F) {
	for _, uri := range hostile("https://web.example/cb") {
		f.Add(uri)
	}
	m := storage.ClientMetadata{ApplicationType: "native", RedirectURIs: []string{"https://web.example/cb", "http://127.0.0.1/cb"}}
	f.Fuzz(func(t *testing.T, uri string) {
		if !redirectAllowed(m, uri) {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || u.User != nil || u.Fragment != "" || u.Path != "/cb" || u.Host != "web.example" && u.Hostname() != "127.0.0.1" {
			t.Errorf("%q is taken for a registered address", uri)
		}
	})
}
