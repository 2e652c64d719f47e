package rp

import "net/http"

// notice is a page that says what happened, what is kept and how to go on.
type notice struct {
	Status int
	Title  string
	Text   []string
	Login  string // own page to go on to after signing in; "" offers no sign-in
	Ways   []way
}

// way is a way on.
type way struct{ Label, For, URL string }

type noticePage struct {
	frame
	notice
}

func (a *App) notice(w http.ResponseWriter, r *http.Request, n notice) error {
	f := a.frame(nil)
	if s, ok := a.sessions.get(hash(a.cookie(r, a.sessionCookie)), a.cfg.Now()); ok {
		k := s.snapshot()
		f = a.frame(&k)
	}
	return a.render(w, r, n.Status, "aviso", noticePage{f, n})
}

func (a *App) home() way { return way{"Ir al inicio de " + a.cfg.Name, "", pathHome} }

func (a *App) help() way {
	return way{"Ayuda de Clave IESS", "Si el problema sigue.", a.cfg.Issuer + "/ayuda"}
}

func (a *App) unknownAnswer() notice {
	return notice{
		http.StatusBadRequest, "No reconocemos este ingreso",
		[]string{"La dirección que abrió no corresponde a un ingreso que " + a.cfg.Name + " haya empezado.", "Empiece de nuevo desde aquí. No se perdió nada."},
		pathHome,
		[]way{a.home()},
	}
}

func (a *App) foreignAnswer() notice {
	return notice{
		http.StatusBadRequest, "La respuesta no vino de Clave IESS",
		[]string{"Por su seguridad no la usamos: no dice venir de " + host(a.cfg.Issuer) + ".", "Empiece de nuevo desde aquí y revise que la página de ingreso tenga esa dirección."},
		pathHome,
		[]way{a.home(), a.help()},
	}
}

func (a *App) foreignIssuer() notice {
	return notice{
		http.StatusBadRequest, "Este enlace no viene de Clave IESS",
		[]string{"Alguien le envió a " + a.cfg.Name + " con un enlace que no es de Clave IESS. No hicimos nada con él.", "Si quería ingresar, hágalo desde aquí."},
		pathHome,
		[]way{a.home()},
	}
}

func (a *App) foreignBrowser() notice {
	return notice{
		http.StatusBadRequest, "Este ingreso empezó en otro navegador",
		[]string{"Por su seguridad un ingreso termina en el mismo navegador en que empezó.", "Ingrese desde aquí, o vuelva al navegador en que empezó. Si no fue usted quien empezó, no haga nada más."},
		pathHome,
		[]way{a.home()},
	}
}

func (a *App) replayed() notice {
	return notice{
		http.StatusBadRequest, "Este ingreso ya se completó",
		[]string{"Un ingreso se usa una sola vez. Suele pasar al recargar la página o al volver atrás.", "Si ya estaba dentro, sigue dentro."},
		"",
		[]way{a.home()},
	}
}

func (a *App) tooLate() notice {
	return notice{
		http.StatusBadRequest, "Pasaron más de 10 minutos",
		[]string{"Por su seguridad el ingreso venció antes de completarse.", "Ingrese otra vez: si ya lo había hecho en Clave IESS, no tendrá que escribir su clave."},
		pathHome,
		[]way{a.home()},
	}
}

func (a *App) foreignForm() notice {
	return notice{
		http.StatusForbidden, "No aceptamos el envío",
		[]string{"El formulario llegó desde otra página. Por su seguridad no hicimos nada.", "Hágalo desde aquí."},
		"",
		[]way{a.home()},
	}
}

func (a *App) unreachable() notice {
	return notice{
		http.StatusServiceUnavailable, "Clave IESS no responde",
		[]string{"No pudimos comunicarnos con Clave IESS. No se hizo nada a su nombre.", "Vuelva a intentarlo en unos minutos."},
		pathHome,
		[]way{a.home()},
	}
}

func (a *App) halfOut() notice {
	return notice{
		http.StatusOK, "Salió de " + a.cfg.Name,
		[]string{"Clave IESS no responde, y su sesión allá puede seguir abierta en este navegador.", "En un equipo compartido, cierre todas las ventanas del navegador."},
		"",
		[]way{a.home()},
	}
}

func (a *App) broken() notice {
	return notice{
		http.StatusBadGateway, "No pudimos completar lo que pidió",
		[]string{"La respuesta de Clave IESS no pasó nuestras comprobaciones y no la usamos. No se hizo nada a su nombre.", "Vuelva a intentarlo."},
		pathHome,
		[]way{a.home(), a.help()},
	}
}

func (a *App) stillIn() notice {
	return notice{
		http.StatusOK, "Sigue dentro de " + a.cfg.Name,
		[]string{"Su sesión aquí está abierta. Para salir, use el botón «Cerrar sesión»."},
		"",
		[]way{a.home()},
	}
}

func (a *App) otherPerson() notice {
	return notice{
		http.StatusOK, "Ingresó otra persona",
		[]string{"La solicitud la escribió una persona y el ingreso lo hizo otra. No la enviamos y borramos el monto.", "Está dentro con el ingreso más reciente."},
		"",
		[]way{{"Escribir una solicitud nueva", "", pathSolicitud}, a.home()},
	}
}

func (a *App) unknownPage() notice {
	return notice{http.StatusNotFound, "Esta página no existe", []string{"Revise la dirección o vaya al inicio."}, "", []way{a.home()}}
}

func (a *App) signInFirst(target string) notice {
	return notice{
		http.StatusUnauthorized, "Ingrese para continuar",
		[]string{"No tiene una sesión abierta en " + a.cfg.Name + ", o venció por falta de uso.", "Después de ingresar volverá a esta página."},
		target,
		[]way{a.home()},
	}
}

// deniedNotice explains an error response of the provider; monto is that of the
// solicitud that led there and is still kept, 0 where there is none.
func (a *App) deniedNotice(code string, monto dollars) notice {
	n := notice{http.StatusOK, "No se completó el ingreso", nil, pathHome, []way{a.home()}}
	switch code {
	case "access_denied":
		n.Title = "Usted canceló el ingreso"
		n.Text = []string{a.cfg.Name + " no recibió ningún dato suyo en este intento.", "Puede ingresar cuando quiera."}
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		n.Title = "Clave IESS necesita que usted ingrese"
		n.Text = []string{"Su sesión en Clave IESS se cerró o falta un paso que solo usted puede dar.", "Ingrese otra vez para darlo."}
	case "unmet_authentication_requirements":
		n.Title = "Hace falta un ingreso más seguro"
		n.Text = []string{"Clave IESS no pudo darle el nivel de ingreso que " + a.cfg.Name + " pidió."}
		n.Ways = append(n.Ways, a.help())
	case "temporarily_unavailable", "server_error":
		n.Status = http.StatusServiceUnavailable
		n.Title = "Clave IESS no está disponible"
		n.Text = []string{"No se hizo nada a su nombre.", "Vuelva a intentarlo en unos minutos."}
	default:
		n.Status = http.StatusBadGateway
		n.Text = []string{"Clave IESS rechazó el pedido de " + a.cfg.Name + ". No es culpa suya.", "Vuelva a intentarlo; si sigue igual, avísenos."}
		n.Ways = append(n.Ways, a.help())
	}
	if monto > 0 {
		n.Text = append(n.Text, "Conservamos su solicitud de USD "+monto.String()+", que aún no se envía.")
		n.Ways = append([]way{{"Volver a su solicitud", "El monto sigue escrito.", pathSolicitud}}, n.Ways...)
		n.Login = ""
	}
	return n
}
