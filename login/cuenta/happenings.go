package cuenta

import (
	"maps"
	"slices"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// happening is the sentence for an audit row. One of a newer program gets a general
// one: nothing is left out that is not in unshown.
func happening(row storage.AuditRow, detail map[string]string) templates.Happening {
	of, ok := happenings()[row.Event]
	if !ok {
		return templates.HappenedOther
	}
	for _, one := range of.where {
		value := detail[one.detail]
		if one.detail == byActor {
			value = row.Actor
		}
		if value == one.is {
			return one.what
		}
	}
	return of.what
}

// sentences are the sentence for an event, and others that go before it where a
// detail of the row, or who caused it, says so.
type sentences struct {
	what  templates.Happening
	where []special
}

type special struct {
	detail, is string
	what       templates.Happening
}

// byActor is the name under which special looks at the row's actor.
const byActor = "\x00actor"

func plain(what templates.Happening) sentences { return sentences{what: what} }

func (s sentences) unless(detail, is string, what templates.Happening) sentences {
	s.where = append(slices.Clip(s.where), special{detail, is, what})
	return s
}

// happenings is what each audit event is called that a person sees. A test holds
// that each event of the program stands here or in unshown.
func happenings() map[string]sentences {
	return map[string]sentences{
		"session.started": plain(templates.HappenedSignInNew).unless("device", "known", templates.HappenedSignIn).
			unless("device", "shared", templates.HappenedSignInShared),
		"session.renewed":   plain(templates.HappenedSignInAgain),
		"session.confirmed": plain(templates.HappenedConfirmed),
		"session.ended": plain(templates.HappenedSessionEnded).unless("which", "all", templates.HappenedClosedAll).
			unless("which", "others", templates.HappenedClosedOthers).unless("reason", storage.CauseClosed, templates.HappenedClosed).
			unless("reason", storage.CauseLogout, templates.HappenedSignOut).unless("reason", storage.CauseReplaced, templates.HappenedReplaced).
			unless("reason", storage.CauseTooMany, templates.HappenedSurplus),
		"device.shared":    plain(templates.HappenedDeviceShared),
		"device.own":       plain(templates.HappenedDeviceOwn),
		"device.forgotten": plain(templates.HappenedDeviceForgot).unless("which", "all", templates.HappenedDevicesForgot),

		"authorization.granted":  plain(templates.HappenedEntered),
		"authorization.denied":   plain(templates.HappenedRefused),
		"request.cancelled":      plain(templates.HappenedCancelled),
		"notice.given":           plain(templates.HappenedTold),
		"consent.given":          plain(templates.HappenedAllowed),
		"code.replayed":          plain(templates.HappenedReplayed),
		"refresh_token.replayed": plain(templates.HappenedReplayed),
		"code.foreign":           plain(templates.HappenedForeign),
		"refresh_token.foreign":  plain(templates.HappenedForeign),
		"token.revoke_foreign":   plain(templates.HappenedForeign),

		"clave.denied":      plain(templates.HappenedWrongClave),
		"clave.locked":      plain(templates.HappenedLocked),
		"clave.compromised": plain(templates.HappenedCommon),
		"clave.proved":      plain(templates.HappenedProved),
		"clave.changed":     plain(templates.HappenedChanged),
		"clave.renewed":     plain(templates.HappenedRenewed),
		"clave.recovered":   plain(templates.HappenedRecovered).unless("first", "yes", templates.HappenedFirst),
		"clave.disavowed":   plain(templates.HappenedDisavowed),
		"clave.unlocked": plain(templates.HappenedUnlocked).unless("by", "time", templates.HappenedUnlockedTime).
			unless("by", "operator", templates.HappenedUnlockedOfficer),

		"unlock.sent":     plain(templates.HappenedUnlockSent),
		"unlock.assisted": plain(templates.HappenedUnlockAssisted),
		"unlock.capped":   plain(templates.HappenedUnlockCapped),
		"unlock.denied":   plain(templates.HappenedUnlockWrong),
		"unlock.idle":     plain(templates.HappenedUnlockIdle),

		"recovery.denied":    plain(templates.HappenedAnswersWrong),
		"recovery.passed":    plain(templates.HappenedAnswersRight),
		"recovery.shut":      plain(templates.HappenedAnswersShut),
		"recovery.reopened":  plain(templates.HappenedReopened),
		"recovery.asked":     plain(templates.HappenedLinkSent),
		"recovery.held":      plain(templates.HappenedLinkHeld),
		"recovery.capped":    plain(templates.HappenedLinkCapped),
		"recovery.elsewhere": plain(templates.HappenedElsewhere),

		"recovery.extra":   plain(templates.HappenedExtraWrong).unless("right", "yes", templates.HappenedExtraRight),
		"contact.asked":    plain(templates.HappenedContactAsked),
		"contact.proved":   plain(templates.HappenedContactProved),
		"contact.approved": plain(templates.HappenedContactApproved),
		"contact.changed":  plain(templates.HappenedContactRegistry).unless(byActor, "afiliado", templates.HappenedContactApplied),
		"contact.unwarned": plain(templates.HappenedUnwarned),
		"notice.unsent":    plain(templates.HappenedUnreachable),
		"mail.allowed":     plain(templates.HappenedMailAllowed),

		"afiliado.disabled": plain(templates.HappenedDisabled),

		"passkey.added":     plain(templates.HappenedPasskeyAdded),
		"passkey.renamed":   plain(templates.HappenedPasskeyRenamed),
		"passkey.ended":     plain(templates.HappenedPasskeyEnded),
		"passkey.ending":    plain(templates.HappenedPasskeyEnding),
		"passkey.kept":      plain(templates.HappenedPasskeyKept),
		"passkey.cloned":    plain(templates.HappenedPasskeyCloned),
		"passkey.backup":    plain(templates.HappenedPasskeyBackup),
		"passkey.denied":    plain(templates.HappenedPasskeyDenied),
		"totp.added":        plain(templates.HappenedTOTPAdded),
		"totp.ended":        plain(templates.HappenedTOTPEnded),
		"totp.ending":       plain(templates.HappenedTOTPEnding),
		"totp.kept":         plain(templates.HappenedTOTPKept),
		"second.asked":      plain(templates.HappenedSecondAsked),
		"second.denied":     plain(templates.HappenedSecondDenied),
		"second.proved":     plain(templates.HappenedSecondProved),
		"secondstep.on":     plain(templates.HappenedStepOn),
		"offer.declined":    plain(templates.HappenedOfferDeclined),
		"offer.restored":    plain(templates.HappenedOfferRestored),
		"secondstep.off":    plain(templates.HappenedStepOff),
		"codes.made":        plain(templates.HappenedCodesMade),
		"codes.used":        plain(templates.HappenedCodeUsed),
		"factors.ended":     plain(templates.HappenedFactorsEnded),
		"consent.withdrawn": plain(templates.HappenedWithdrawn),
		"access.closed":     plain(templates.HappenedAccessClosed),
		"data.taken":        plain(templates.HappenedDataTaken),
		"rights.asked":      plain(templates.HappenedRightsAsked),
		"rights.answered":   plain(templates.HappenedRightsAnswered),
		"rights.cancelled":  plain(templates.HappenedRightsCancelled),
		"rights.read":       plain(templates.HappenedRightsRead),
		"answers.changed":   plain(templates.HappenedAnswersChanged),
		"image.chosen":      plain(templates.HappenedImageChosen),
		"renewal.day":       plain(templates.HappenedRenewalDay),
		"language.chosen":   plain(templates.HappenedLanguageChosen),
		"phones.changed":    plain(templates.HappenedPhonesChanged),
		"address.asked":     plain(templates.HappenedAddressAsked),
		"address.added":     plain(templates.HappenedAddressAdded),
		"address.removed":   plain(templates.HappenedAddressRemoved),
		"contact.cancelled": plain(templates.HappenedContactCancelled),
	}
}

// unshown are the events that nobody sees in her activity, each with its reason.
func unshown() map[string]string {
	const nobodys = "it is about no person"
	const unknown = "it is written before anybody knows whose identifier was typed"
	const follows = "it follows from an entry that is shown, many times an hour"
	return map[string]string{
		"token.issued":  follows,
		"token.revoked": follows,

		"passkey.unmade": "nothing came of it: her own browser answered a page of hers",

		"recovery.started": unknown,
		"unlock.asked":     unknown,

		"clave.due_recomputed":  nobodys,
		"login.alarm.raised":    nobodys,
		"login.alarm.ended":     nobodys,
		"key.created":           nobodys,
		"key.rotated":           nobodys,
		"key.revoked":           nobodys,
		"key.expired":           nobodys,
		"client.applied":        nobodys,
		"client.disabled":       nobodys,
		"import.finished":       nobodys,
		"audit.personal_erased": nobodys,
	}
}

// unshownNames are their names, in their order.
func unshownNames() []string { return slices.Sorted(maps.Keys(unshown())) }
