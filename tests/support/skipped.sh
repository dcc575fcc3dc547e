#!/bin/sh
# Stands in for a program that a test needs and that is not installed: the test counts as skipped.
exit 77
