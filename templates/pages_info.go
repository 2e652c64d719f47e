package templates

import (
	"net/http"
	"time"
)

// Kind is what an [Error] page tells.
type Kind string

// The kinds of error. The zero value is an internal one.
const (
	KindInternal    Kind = ""
	KindClient      Kind = "client"    // unknown application or unregistered address: no redirect (contract section 7)
	KindRequest     Kind = "request"   // a request that cannot be read
	KindForbidden   Kind = "forbidden" // a form sent from another site
	KindNotFound    Kind = "notfound"
	KindMethod      Kind = "method"
	KindTooLarge    Kind = "toolarge"
	KindHost        Kind = "host" // a Host that is not the issuer's (T16)
	KindBusy        Kind = "busy"
	KindUnavailable Kind = "unavailable" // what has to be asked elsewhere is away for the moment (FT-24)
	KindExpired     Kind = "expired"     // the running request is over, or was never here
	KindBrowser     Kind = "browser"     // the running request belongs to another browser
)

// Status is the HTTP status that goes with k.
func (k Kind) Status() int {
	switch k {
	case KindClient, KindRequest, KindExpired, KindBrowser:
		return http.StatusBadRequest
	case KindForbidden:
		return http.StatusForbidden
	case KindNotFound:
		return http.StatusNotFound
	case KindMethod:
		return http.StatusMethodNotAllowed
	case KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case KindHost:
		return http.StatusMisdirectedRequest
	case KindBusy, KindUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// Error tells what happened, what is kept and what to do, and shows the beginning of Layout.RequestID. It holds no detail of the cause.
type Error struct {
	Layout
	Kind        Kind
	Application *Application  // where to begin again; nil where unknown
	Retry       time.Duration // the Retry-After of KindBusy and KindUnavailable; 0 leaves the figure out
}

func (Error) name() string { return "error" }

func (e Error) path() string {
	if e.Path != "" {
		return e.Path
	}
	return "/"
}

// Ayuda is /ayuda: contact, assisted ways, advice (S013, S075–S077, S093–S098, D28). Its sections have the anchors
// telefono, videollamada, ventanilla, cau, agencia (the four where they are offered), extranjeros, correos, consejos, direccion.
type Ayuda struct {
	Layout
	// Closed says that nobody attends video calls now, as [VideoClosed] tells. The page then offers to leave a message.
	Closed bool
}

// VideoClosed reports whether now is outside the hours that the pages name: 08:00 to 17:00 in Guayaquil (S076).
func VideoClosed(now time.Time) bool {
	hour := now.In(guayaquil()).Hour()
	return hour < 8 || hour >= 17
}

func (Ayuda) name() string { return "ayuda" }
func (Ayuda) path() string { return "/ayuda" }

// AyudaLlaves is /ayuda/llaves: the ways on where a device cannot use a passkey.
type AyudaLlaves struct{ Layout }

func (AyudaLlaves) name() string { return "ayudallaves" }
func (AyudaLlaves) path() string { return "/ayuda/llaves" }

// Tramite is /tramite: the public record of the trámite, with its headings (S011, S012).
type Tramite struct{ Layout }

func (Tramite) name() string { return "tramite" }
func (Tramite) path() string { return "/tramite" }

// Privacidad is /privacidad: the notice of LOPDP art. 12 (LAW-04), with its version.
type Privacidad struct{ Layout }

func (Privacidad) name() string { return "privacidad" }
func (Privacidad) path() string { return "/privacidad" }

// Accesibilidad is /accesibilidad (LAW-17).
type Accesibilidad struct{ Layout }

func (Accesibilidad) name() string { return "accesibilidad" }
func (Accesibilidad) path() string { return "/accesibilidad" }

// Acuerdo is /acuerdo: the "acuerdo del uso de clave", also at /acuerdo/{version}, where its words never change (LAW-20).
type Acuerdo struct {
	Layout
	// Agreement is a version from [Pages.Agreement] or [Pages.AgreementVersion]; the zero value is the current one.
	Agreement Agreement
}

func (Acuerdo) name() string { return "acuerdo" }

func (a Acuerdo) path() string {
	if a.Agreement.Version == "" {
		return "/acuerdo"
	}
	return "/acuerdo/" + a.Agreement.Version
}

// Declaracion is /declaracion: the "Declaración de información fidedigna" (S036), also at /declaracion/{version}, as
// [Acuerdo].
type Declaracion struct {
	Layout
	// Declaration is a version from [Pages.Declaration] or [Pages.DeclarationVersion]; the zero value is the current one.
	Declaration Agreement
}

func (Declaracion) name() string { return "declaracion" }

func (d Declaracion) path() string {
	if d.Declaration.Version == "" {
		return "/declaracion"
	}
	return "/declaracion/" + d.Declaration.Version
}
