// Package pdf writes a document of package templates as a PDF to read and to print:
// text in reading order, with the letters of every language written in Latin, Greek
// or Cyrillic (the Go fonts, whose licence is in NOTICE), a bookmark for each
// section, and numbered pages. It has no words of its own.
package pdf
