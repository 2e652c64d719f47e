package templates

import (
	"strconv"
	"strings"
	"time"
)

// fact is one line of what an application receives, in words.
type fact struct {
	Label, Value string
	Numeric      bool
}

// fold is what people call a claim; empty where it says nothing about the person or repeats another one in claims.
func fold(claim string, claims map[string]bool) string {
	switch claim {
	case "sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid", "nonce", "azp", "at_hash", "c_hash",
		"updated_at", "email_verified", "phone_number_verified":
		return ""
	case "given_name", "family_name":
		if claims["name"] {
			return ""
		}
	case "tipo_identificacion":
		if claims["cedula"] {
			return ""
		}
	}
	return claim
}

// receives is a phrase such as "su nombre, su cédula y su correo"; empty where nothing personal is received.
func (c *catalog) receives(claims []string) (string, error) {
	set := map[string]bool{}
	for _, claim := range claims {
		set[claim] = true
	}
	var parts []string
	for _, claim := range claims {
		name := fold(claim, set)
		if name == "" {
			continue
		}
		words := name
		if key := "receives." + name; c.has(key) {
			var err error
			if words, err = c.text(key); err != nil {
				return "", err
			}
		}
		parts = append(parts, words)
	}
	return c.conjoin(parts)
}

// facts are data in words, in the order given. A claim the catalogue does not know appears under its own name: what is
// handed over is never left out.
func (c *catalog) facts(data []Datum) ([]fact, error) {
	set, kind := map[string]bool{}, ""
	for _, d := range data {
		set[d.Claim] = true
		if d.Claim == "tipo_identificacion" && len(d.Values) > 0 {
			kind = d.Values[0]
		}
	}
	var all []fact
	for _, d := range data {
		name := fold(d.Claim, set)
		if name == "" {
			continue
		}
		key := "fact." + name
		if name == "cedula" && c.has("fact.cedula-"+kind) {
			key = "fact.cedula-" + kind
		}
		f := fact{Label: name, Numeric: name == "cedula" || name == "phone_number"}
		var err error
		if c.has(key) {
			if f.Label, err = c.text(key); err != nil {
				return nil, err
			}
		}
		if f.Value, err = c.values(name, d.Values); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func (c *catalog) values(claim string, values []string) (string, error) {
	if len(values) == 0 && claim == "clave_due_at" {
		return c.text("fact.never")
	}
	if len(values) == 0 && claim == "recovered_at" {
		return c.text("fact.notlately")
	}
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return c.text("fact.none")
	}
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = v
		var err error
		if born, perr := time.ParseInLocation(time.DateOnly, v, guayaquil()); claim == "birthdate" && perr == nil {
			words[i], err = c.date(born)
		} else if at, perr := strconv.ParseInt(v, 10, 64); (claim == "clave_due_at" || claim == "recovered_at") && perr == nil {
			words[i], err = c.date(time.Unix(at, 0))
		} else if key := "value." + claim + "." + v; c.has(key) {
			words[i], err = c.text(key)
		}
		if err != nil {
			return "", err
		}
	}
	return strings.Join(words, ", "), nil
}
