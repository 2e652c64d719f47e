package provider

import "testing"

// OpenID Core 5.5.1: a claim asked with a value is given with that value or not at
// all; essential ones that are not there are no error.
func TestOIDC_5_5_1_ClaimsWithValues(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		for name, tt := range map[string]struct{ spec, want string }{
			"the value":              {`{"value":"1759999913"}`, `"1759999913"`},
			"another value":          {`{"value":"0959999913"}`, ""},
			"essential, another":     {`{"value":"0959999913","essential":true}`, ""},
			"one of the values":      {`{"values":["0959999913","1759999913"]}`, `"1759999913"`},
			"none of the values":     {`{"values":["0959999913",1759999913]}`, ""},
			"no value":               {`{"essential":true}`, `"1759999913"`},
			"no values":              {`{"values":[]}`, `"1759999913"`},
			"null":                   {`null`, `"1759999913"`},
			"written in another way": {`{"value":"\u0031759999913"}`, `"1759999913"`},
		} {
			a := h.tokens("web", "openid offline_access", "claims", `{"id_token":{"cedula":`+tt.spec+`},"userinfo":{"cedula":`+tt.spec+`}}`)
			want(t, name+": ID token", string(h.claimsOf(a.get("id_token"))["cedula"]), tt.want)
			want(t, name+": userinfo", string(h.userinfoOf(a.get("access_token")).body["cedula"]), tt.want)
			b := h.useRefresh("web", a.get("refresh_token"))
			want(t, name+": refreshed", string(h.claimsOf(b.get("id_token"))["cedula"]), tt.want)
		}
		kinds := `{"userinfo":{"tipo_asegurado":{"value":["afiliado"]},"email_verified":{"value":true}},"id_token":{"tipo_asegurado":{"value":"afiliado"},"email_verified":{"value":"true"}}}`
		a := h.tokens("web", "openid", "claims", kinds)
		info, id := h.userinfoOf(a.get("access_token")), h.claimsOf(a.get("id_token"))
		want(t, "array", string(info.body["tipo_asegurado"]), `["afiliado"]`)
		want(t, "truth", string(info.body["email_verified"]), `true`)
		want(t, "text is no array", string(id["tipo_asegurado"]), "")
		want(t, "text is no truth", string(id["email_verified"]), "")
		c := h.tokens("web", "openid cedula", "claims", `{"userinfo":{"cedula":{"value":"0959999913"}}}`)
		want(t, "its scope hands it out", h.userinfoOf(c.get("access_token")).get("cedula"), "1759999913")
	})
}
