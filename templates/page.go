package templates

import (
	"net/url"
	"strings"
)

// Page is one of the typed pages of this package: what a handler hands to [Pages.Render].
type Page interface {
	name() string
	layout() Layout
	// path is where a GET shows this page again; the language switch leads there.
	path() string
}

// Layout is what every page needs from the one who asks for it. The zero value is a Spanish page for a stranger.
type Layout struct {
	// Lang is a catalogue's tag, as [Match] returns it; empty or unknown means es-EC.
	Lang string
	// Path is the address, path and query, at which a GET shows this page again. Empty means the page's own address,
	// with its running request where it has one; set it where that is not enough (errors, the logout question).
	Path string
	// SignedIn offers "Cerrar sesión" (S095, ASVS 7.4.4).
	SignedIn bool
	// Countdown says when the session ends in which there is something to lose on the page; nil leaves it out.
	Countdown *Countdown
	// RequestID names this HTTP request in the log; pages of errors show its beginning, so that people can
	// read it out.
	RequestID string
}

func (l Layout) layout() Layout { return l }
func (l Layout) path() string   { return l.Path }

// pathOr is where a GET shows the page again: what l says, else path.
func pathOr(l Layout, path string) string {
	if l.Path != "" {
		return l.Path
	}
	return path
}

// Application is a registered client as people know it.
type Application struct {
	// Name is its client_name. It is escaped like any other text (T26).
	Name string
	// Host is the host people know it by, that of its client_uri; empty hides it.
	Host string
	// Start is an https or http address at which the person can begin again there: its initiate_login_uri or client_uri.
	// Empty hides the way back.
	Start string
	// Policy is its policy_uri; empty hides the link.
	Policy string
}

// Goal is the running request a page works for: where the person is going and what will be handed over there.
type Goal struct {
	// Request is the id of the running request, sent back by each form in the hidden field "id".
	Request     string
	Application Application
	// Receives lists the claims the application will get, named as in the tokens: name, cedula, email. The pages fold
	// them into what people call them, and leave out what says nothing about the person (sub, acr, auth_time).
	Receives []string
	APIs     bool // it asks to use other services in the person's name
}

// Datum is one claim with the person's own values, as the token will carry them. Dates are ISO 8601 (2006-01-02);
// values of tipo_asegurado and estado_afiliacion are the token's words. The page formats and translates them.
type Datum struct {
	Claim  string
	Values []string // none: the registry has nothing, and the page says so
}

// Param is one hidden field of a form.
type Param struct{ Name, Value string }

// Fault says what is wrong with one field, in a way the catalogue has a sentence for.
type Fault string

// The faults of forms. Each belongs to exactly one field.
const (
	CedulaEmpty     Fault = "cedula-empty"
	CedulaMalformed Fault = "cedula-malformed" // not ten digits, or the check digit is wrong (C-CED)
	CodigoEmpty     Fault = "codigo-empty"
	CodigoMalformed Fault = "codigo-malformed" // not a código de identificación (C-EXT)

	ActualEmpty       Fault = "actual-empty" // clave_actual
	ActualWrong       Fault = "actual-wrong"
	NuevaEmpty        Fault = "nueva-empty"     // clave_nueva
	NuevaShort        Fault = "nueva-short"     // fewer than Rules.Min characters
	NuevaLong         Fault = "nueva-long"      // more than Rules.Max characters
	NuevaCharacters   Fault = "nueva-chars"     // something else than A–Z, a–z, 0–9
	NuevaNoLetter     Fault = "nueva-no-letter" // D14
	NuevaNoDigit      Fault = "nueva-no-digit"  // D14
	NuevaCommon       Fault = "nueva-common"    // on the list of common or leaked claves (ASVS 6.2.4, 6.2.12)
	NuevaPersonal     Fault = "nueva-personal"  // made of own data or of words of the IESS (ASVS 6.2.11)
	NuevaUsed         Fault = "nueva-used"      // one of the last Rules.History (S089)
	ConfirmationEmpty Fault = "confirmacion-empty"
	ConfirmationOther Fault = "confirmacion-other" // differs from clave_nueva
	AgreementMissing  Fault = "acuerdo-missing"    // S088

	IdentificacionEmpty     Fault = "identificacion-empty"
	IdentificacionMalformed Fault = "identificacion-malformed" // neither a cédula nor a código (C-CED, C-EXT)
	ChallengeMissing        Fault = "reto-missing"             // the box is not ticked (S024)
	UltimosEmpty            Fault = "ultimos-empty"
	UltimosWrong            Fault = "ultimos-wrong"     // not the last four characters of the identifier (S073)
	MensajeEmpty            Fault = "mensaje-empty"     // codigo_mensaje
	MensajeMalformed        Fault = "mensaje-malformed" // not eight digits
	MensajeWrong            Fault = "mensaje-wrong"

	NombreEmpty Fault = "nombre-empty" // of a passkey

	DiaEmpty           Fault = "dia-empty"
	MesEmpty           Fault = "mes-empty"
	FechaImpossible    Fault = "dia-impossible" // 31 February (S027)
	DiaMissing         Fault = "dia-missing"    // of the renewal day, where there is a month
	MesMissing         Fault = "mes-missing"
	Historia1Empty     Fault = "historia_1-empty"
	Historia2Empty     Fault = "historia_2-empty"
	Personal1Empty     Fault = "personal_1-empty" // only where the link was opened elsewhere
	CorreoMalformed    Fault = "correo-malformed"
	CorreoLimit        Fault = "correo-limit" // changed too often, or for too many people, lately
	CorreoEmpty        Fault = "correo-empty" // where one is to be added
	CorreoOwn          Fault = "correo-own"   // it is hers already
	CorreoMany         Fault = "correo-many"  // she has as many as there may be
	CorreoLater        Fault = "correo-later" // asked for too often, or for too many people, lately
	CelularMalformed   Fault = "celular-malformed"
	LandlineMalformed  Fault = "convencional-malformed"
	TelefonoMissing    Fault = "celular-missing"     // no telephone on file, and none typed
	ImagenEmpty        Fault = "imagen-empty"        // none of the images is chosen
	DeclarationMissing Fault = "declaracion-missing" // S036
	Pregunta1Empty     Fault = "pregunta_1-empty"
	Pregunta2Empty     Fault = "pregunta_2-empty"
	PreguntaSame       Fault = "pregunta_2-same"
	Respuesta1Empty    Fault = "respuesta_1-empty"
	Respuesta1Short    Fault = "respuesta_1-short"    // fewer than three letters (S063)
	Respuesta1Personal Fault = "respuesta_1-personal" // registry data
	Respuesta1Common   Fault = "respuesta_1-common"   // on the list of popular answers
	Respuesta2Empty    Fault = "respuesta_2-empty"
	Respuesta2Short    Fault = "respuesta_2-short"
	Respuesta2Personal Fault = "respuesta_2-personal"
	Respuesta2Common   Fault = "respuesta_2-common"
	Respuesta2Same     Fault = "respuesta_2-same" // equal to the first

	DerechoEmpty Fault = "derecho-empty"
	DetalleEmpty Fault = "detalle-empty"
	DetalleLong  Fault = "detalle-long"
)

// field is the id of the input a fault belongs to.
func (f Fault) field() string {
	if field := secondField(f); field != "" {
		return field
	}
	switch f {
	case CedulaEmpty, CedulaMalformed, CodigoEmpty, CodigoMalformed:
		return "cedula"
	case ActualEmpty, ActualWrong:
		return "clave_actual"
	case ConfirmationEmpty, ConfirmationOther:
		return "clave_confirmacion"
	case AgreementMissing:
		return "acuerdo"
	case IdentificacionEmpty, IdentificacionMalformed:
		return "identificacion"
	case ChallengeMissing, ChallengeWrong, ChallengeExpired, ChallengeUsed, ChallengeMore, ChallengeEarly:
		return "reto"
	case UltimosEmpty, UltimosWrong:
		return "ultimos"
	case MensajeEmpty, MensajeMalformed, MensajeWrong:
		return "codigo_mensaje"
	case NombreEmpty:
		return "nombre"
	case DiaEmpty, MesEmpty, FechaImpossible, DiaMissing, MesMissing, Historia1Empty, Historia2Empty, Personal1Empty, CorreoMalformed, CorreoLimit, CorreoEmpty, CorreoOwn, CorreoMany, CorreoLater,
		CelularMalformed, LandlineMalformed, TelefonoMissing, DeclarationMissing, Pregunta1Empty, Pregunta2Empty, PreguntaSame,
		Respuesta1Empty, Respuesta1Short, Respuesta1Personal, Respuesta1Common,
		Respuesta2Empty, Respuesta2Short, Respuesta2Personal, Respuesta2Common, Respuesta2Same, ImagenEmpty:
		field, _, _ := strings.Cut(string(f), "-") // their names begin with it
		return field
	case DerechoEmpty:
		return "derecho"
	case DetalleEmpty, DetalleLong:
		return "detalle"
	default:
		return "clave_nueva"
	}
}

// requestPath is the address of a page of a running request, with further query pairs; empty values are left out.
func requestPath(path string, g *Goal, pairs ...string) string {
	q := url.Values{}
	if g != nil && g.Request != "" {
		q.Set("id", g.Request)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// codigo is the value of the query pair codigo, which is left out where a page asks for a cédula.
func codigo(code bool) string {
	if code {
		return "1"
	}
	return ""
}
