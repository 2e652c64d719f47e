package templates

// Happening is a kind of thing that happens with an account, which the catalogue has a sentence for. One about which there
// is more to say has a note, and one that an application may have to do with a sentence that names it.
type Happening string

// What happens with an account.
const (
	HappenedOther Happening = "other" // of a newer program than this one

	HappenedSignIn        Happening = "sign-in"
	HappenedSignInNew     Happening = "sign-in-new"
	HappenedSignInShared  Happening = "sign-in-shared"
	HappenedSignInAgain   Happening = "sign-in-again"
	HappenedConfirmed     Happening = "confirmed"
	HappenedSignOut       Happening = "sign-out"
	HappenedClosed        Happening = "closed"
	HappenedClosedOthers  Happening = "closed-others"
	HappenedClosedAll     Happening = "closed-all"
	HappenedReplaced      Happening = "replaced"
	HappenedSurplus       Happening = "surplus"
	HappenedSessionEnded  Happening = "session-ended"
	HappenedDeviceShared  Happening = "device-shared"
	HappenedDeviceOwn     Happening = "device-own"
	HappenedDeviceForgot  Happening = "device-forgot"
	HappenedDevicesForgot Happening = "devices-forgot"

	HappenedEntered   Happening = "entered"
	HappenedRefused   Happening = "refused"
	HappenedCancelled Happening = "cancelled"
	HappenedTold      Happening = "told"
	HappenedAllowed   Happening = "allowed"
	HappenedReplayed  Happening = "replayed"
	HappenedForeign   Happening = "foreign"

	HappenedWrongClave Happening = "wrong-clave"
	HappenedLocked     Happening = "locked"
	HappenedCommon     Happening = "common"
	HappenedProved     Happening = "proved"
	HappenedChanged    Happening = "changed"
	HappenedRenewed    Happening = "renewed"
	HappenedFirst      Happening = "first"
	HappenedRecovered  Happening = "recovered"
	HappenedDisavowed  Happening = "disavowed"

	HappenedUnlocked        Happening = "unlocked"
	HappenedUnlockedTime    Happening = "unlocked-time"
	HappenedUnlockedOfficer Happening = "unlocked-officer"
	HappenedUnlockSent      Happening = "unlock-sent"
	HappenedUnlockAssisted  Happening = "unlock-assisted"
	HappenedUnlockCapped    Happening = "unlock-capped"
	HappenedUnlockWrong     Happening = "unlock-wrong"
	HappenedUnlockIdle      Happening = "unlock-idle"

	HappenedAnswersWrong Happening = "answers-wrong"
	HappenedAnswersRight Happening = "answers-right"
	HappenedAnswersShut  Happening = "answers-shut"
	HappenedReopened     Happening = "reopened"
	HappenedLinkSent     Happening = "link-sent"
	HappenedLinkHeld     Happening = "link-held"
	HappenedLinkCapped   Happening = "link-capped"
	HappenedElsewhere    Happening = "elsewhere"

	HappenedExtraRight      Happening = "extra-right"
	HappenedExtraWrong      Happening = "extra-wrong"
	HappenedContactAsked    Happening = "contact-asked"
	HappenedContactProved   Happening = "contact-proved"
	HappenedContactApproved Happening = "contact-approved"
	HappenedContactApplied  Happening = "contact-applied"
	HappenedContactRegistry Happening = "contact-registry"
	HappenedUnwarned        Happening = "unwarned"
	HappenedUnreachable     Happening = "unreachable"
	HappenedMailAllowed     Happening = "mail-allowed"

	HappenedDisabled Happening = "disabled"

	HappenedPasskeyAdded     Happening = "passkey-added"
	HappenedPasskeyRenamed   Happening = "passkey-renamed"
	HappenedPasskeyEnded     Happening = "passkey-ended"
	HappenedPasskeyEnding    Happening = "passkey-ending"
	HappenedPasskeyKept      Happening = "passkey-kept"
	HappenedPasskeyCloned    Happening = "passkey-cloned"
	HappenedPasskeyBackup    Happening = "passkey-backup"
	HappenedPasskeyDenied    Happening = "passkey-denied"
	HappenedTOTPAdded        Happening = "totp-added"
	HappenedTOTPEnded        Happening = "totp-ended"
	HappenedTOTPEnding       Happening = "totp-ending"
	HappenedTOTPKept         Happening = "totp-kept"
	HappenedSecondAsked      Happening = "second-asked"
	HappenedSecondDenied     Happening = "second-denied"
	HappenedSecondProved     Happening = "second-proved"
	HappenedStepOn           Happening = "step-on"
	HappenedOfferDeclined    Happening = "offer-declined"
	HappenedOfferRestored    Happening = "offer-restored"
	HappenedStepOff          Happening = "step-off"
	HappenedCodesMade        Happening = "codes-made"
	HappenedCodeUsed         Happening = "code-used"
	HappenedFactorsEnded     Happening = "factors-ended"
	HappenedWithdrawn        Happening = "withdrawn"
	HappenedAccessClosed     Happening = "access-closed"
	HappenedDataTaken        Happening = "data-taken"
	HappenedRightsAsked      Happening = "rights-asked"
	HappenedRightsAnswered   Happening = "rights-answered"
	HappenedRightsCancelled  Happening = "rights-cancelled"
	HappenedRightsRead       Happening = "rights-read"
	HappenedAnswersChanged   Happening = "answers-changed"
	HappenedImageChosen      Happening = "image-chosen"
	HappenedRenewalDay       Happening = "renewal-day"
	HappenedLanguageChosen   Happening = "language-chosen"
	HappenedPhonesChanged    Happening = "phones-changed"
	HappenedAddressAsked     Happening = "address-asked"
	HappenedAddressAdded     Happening = "address-added"
	HappenedAddressRemoved   Happening = "address-removed"
	HappenedContactCancelled Happening = "contact-cancelled"
)

// Happenings are all of them.
func Happenings() []Happening {
	return []Happening{
		HappenedSignIn, HappenedSignInNew, HappenedSignInShared, HappenedSignInAgain, HappenedConfirmed, HappenedSignOut, HappenedClosed,
		HappenedClosedOthers, HappenedClosedAll, HappenedReplaced, HappenedSurplus, HappenedSessionEnded, HappenedDeviceShared,
		HappenedDeviceOwn, HappenedDeviceForgot, HappenedDevicesForgot, HappenedEntered, HappenedRefused, HappenedCancelled, HappenedTold,
		HappenedAllowed, HappenedReplayed, HappenedForeign, HappenedWrongClave, HappenedLocked, HappenedCommon, HappenedProved,
		HappenedChanged, HappenedRenewed, HappenedFirst, HappenedRecovered, HappenedDisavowed, HappenedUnlocked, HappenedUnlockedTime,
		HappenedUnlockedOfficer, HappenedUnlockSent, HappenedUnlockAssisted, HappenedUnlockCapped, HappenedUnlockWrong, HappenedUnlockIdle,
		HappenedAnswersWrong, HappenedAnswersRight, HappenedAnswersShut, HappenedReopened, HappenedLinkSent, HappenedLinkHeld,
		HappenedLinkCapped, HappenedElsewhere, HappenedContactAsked, HappenedContactProved, HappenedContactApproved,
		HappenedContactApplied, HappenedContactRegistry, HappenedUnwarned, HappenedUnreachable, HappenedMailAllowed, HappenedDisabled,
		HappenedPasskeyAdded, HappenedPasskeyRenamed, HappenedPasskeyEnded, HappenedPasskeyEnding, HappenedPasskeyKept, HappenedPasskeyCloned,
		HappenedPasskeyBackup, HappenedPasskeyDenied, HappenedTOTPAdded, HappenedTOTPEnded, HappenedTOTPEnding, HappenedTOTPKept,
		HappenedStepOff, HappenedCodesMade, HappenedCodeUsed, HappenedFactorsEnded, HappenedWithdrawn, HappenedAccessClosed, HappenedDataTaken,
		HappenedRightsAsked, HappenedRightsAnswered, HappenedRightsCancelled, HappenedRightsRead, HappenedAnswersChanged, HappenedImageChosen,
		HappenedRenewalDay, HappenedLanguageChosen, HappenedPhonesChanged, HappenedAddressAsked, HappenedAddressAdded, HappenedAddressRemoved,
		HappenedContactCancelled,
		HappenedSecondAsked, HappenedSecondDenied, HappenedSecondProved, HappenedStepOn,
		HappenedOfferDeclined, HappenedOfferRestored,
		HappenedExtraRight, HappenedExtraWrong,
		HappenedOther,
	}
}
