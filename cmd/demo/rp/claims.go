package rp

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// fact is one claim as people read it.
type fact struct {
	Claim string // its name on the wire
	Label string
	Value string
}

// facts reads a JSON object of claims in its own order; nothing is left out.
func facts(raw json.RawMessage) []fact {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var out []fact
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return out
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return out
		}
		claim, _ := name.(string)
		out = append(out, fact{Claim: claim, Label: label(claim), Value: words(claim, value)})
	}
	return out
}

// find returns the readable value of a claim, looked for in each object in turn.
func find(claim string, in ...json.RawMessage) string {
	for _, raw := range in {
		var m map[string]json.RawMessage
		if json.Unmarshal(raw, &m) == nil && m[claim] != nil {
			return words(claim, m[claim])
		}
	}
	return ""
}

func label(claim string) string {
	switch claim {
	case "iss":
		return "Quién lo entrega"
	case "sub":
		return "Identificador para esta aplicación"
	case "aud":
		return "Para quién es"
	case "azp":
		return "Quién lo pidió"
	case "exp":
		return "Vence"
	case "iat":
		return "Entregado"
	case "auth_time":
		return "Hora del ingreso"
	case "nonce":
		return "Sello de este ingreso"
	case "acr":
		return "Nivel del ingreso"
	case "amr":
		return "Con qué ingresó"
	case "sid":
		return "Sesión en Clave IESS"
	case "at_hash":
		return "Huella del permiso de consulta"
	case "name":
		return "Nombres y apellidos"
	case "given_name":
		return "Nombres"
	case "family_name":
		return "Apellidos"
	case "birthdate":
		return "Fecha de nacimiento"
	case "updated_at":
		return "Datos actualizados"
	case "locale":
		return "Idioma"
	case "clave_due_at":
		return "Su clave vence"
	case "recovered_at":
		return "Generó o recuperó su clave"
	case "email":
		return "Correo"
	case "email_verified":
		return "Correo comprobado"
	case "phone_number":
		return "Teléfono"
	case "phone_number_verified":
		return "Teléfono comprobado"
	case "cedula":
		return "Identificación"
	case "tipo_identificacion":
		return "Tipo de identificación"
	case "tipo_asegurado":
		return "Tipo de asegurado"
	case "estado_afiliacion":
		return "Estado de la afiliación"
	default:
		return claim
	}
}

// words puts a claim's value into words. What it does not know it shows as it came.
func words(claim string, raw json.RawMessage) string {
	var s string
	var n float64
	var yes bool
	var list []string
	switch {
	case json.Unmarshal(raw, &s) == nil:
		return textWords(claim, s)
	case json.Unmarshal(raw, &list) == nil:
		for i, v := range list {
			list[i] = textWords(claim, v)
		}
		return strings.Join(list, ", ")
	case json.Unmarshal(raw, &yes) == nil:
		if yes {
			return "Sí"
		}
		return "No"
	case json.Unmarshal(raw, &n) == nil && (claim == "clave_due_at" || claim == "recovered_at"): // a day, and an hour
		return date(time.Unix(int64(n), 0).In(ecuador()))
	case json.Unmarshal(raw, &n) == nil && (claim == "exp" || claim == "iat" || claim == "auth_time" || claim == "updated_at"):
		return when(time.Unix(int64(n), 0))
	default:
		return string(raw)
	}
}

func textWords(claim, s string) string {
	switch {
	case claim == "acr":
		return acrWords(s)
	case claim == "amr":
		return amrWords(s)
	case claim == "birthdate":
		if t, err := time.Parse(time.DateOnly, s); err == nil {
			return date(t)
		}
	case claim == "tipo_identificacion" && s == "cedula":
		return "cédula"
	case claim == "tipo_identificacion" && s == "codigo":
		return "código de identificación"
	case claim == "phone_number":
		if local, ok := strings.CutPrefix(s, "+593"); ok && len(local) >= 8 {
			return "0" + local[:len(local)-7] + " " + local[len(local)-7:len(local)-4] + " " + local[len(local)-4:]
		}
	}
	return s
}

func acrWords(acr string) string {
	switch acr {
	case "urn:iess:acr:clave":
		return "clave de menos de 15 caracteres"
	case "urn:iess:acr:clave15":
		return "clave de 15 caracteres o más"
	case "urn:iess:acr:2fa":
		return "clave y un segundo paso"
	case "urn:iess:acr:passkey":
		return "llave de acceso (huella, rostro o PIN del equipo)"
	default:
		return "nivel no reconocido (" + acr + ")"
	}
}

// amrWords explains the methods of RFC 8176 that the provider uses.
func amrWords(amr string) string {
	switch amr {
	case "pwd":
		return "clave"
	case "otp":
		return "código de un solo uso"
	case "mfa":
		return "más de una prueba"
	case "hwk", "swk":
		return "llave de acceso"
	case "user", "pin", "fpt", "face":
		return "huella, rostro o PIN del equipo"
	default:
		return amr
	}
}

// ecuador is continental time, which knows no summer time.
func ecuador() *time.Location { return time.FixedZone("Ecuador", -5*60*60) }

func date(t time.Time) string {
	months := [...]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}
	return strconv.Itoa(t.Day()) + " de " + months[t.Month()-1] + " de " + strconv.Itoa(t.Year())
}

// when is a moment on the clocks of Ecuador.
func when(t time.Time) string {
	t = t.In(ecuador())
	return date(t) + ", " + t.Format("15:04")
}
