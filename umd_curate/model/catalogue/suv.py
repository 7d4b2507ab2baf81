"""Finding codes of the convert room's SUV.

SUV-1xx: no sound activity image (set aside); 2xx: no SUV (kept in Bq/mL, else set aside); 3xx: something was inferred or
looks odd, the SUV stands.
"""

from umd_curate.model.findings import FindingCode, Severity

_FAIL, _WARN, _INFO = Severity.FAIL, Severity.WARN, Severity.INFO
# --- SUV-1xx: no sound activity image ------------------------------------------------------------------------------

UNITS_UNKNOWN = FindingCode(
    "SUV-101",
    _FAIL,
    "The PET's units are missing or cannot be turned into activity",
    "PROPCPS, PROPCNTS, CPS, 1CM or no unit at all say nothing of Bq/mL (0054,1001).",
    "Export the quantitative, attenuation-corrected reconstruction.",
)
INTERCEPT_NOT_ZERO = FindingCode(
    "SUV-102",
    _FAIL,
    "The rescale intercept of the PET is not 0",
    "PS3.3 C.8.9.4 fixes it at 0; another value means that the image was processed.",
    "Export the series again from the scanner's own database.",
)
SLOPE_MISSING = FindingCode(
    "SUV-103",
    _FAIL,
    "The rescale slope of a PET slice is missing or not above 0",
    "Each slice has a slope of its own; without it stored numbers are no activity (0028,1053).",
    "Export the series again from the scanner's own database.",
)
NOT_ATTENUATION_CORRECTED = FindingCode(
    "SUV-104",
    _FAIL,
    "The PET is not marked as attenuation-corrected",
    "Without ATTN in (0028,0051) its values are no activity concentration.",
    "Export the attenuation-corrected reconstruction.",
)
INPUTS_DIFFER = FindingCode(
    "SUV-105",
    _FAIL,
    "The slices of one PET disagree about an input of the SUV",
    "One injection has one weight, dose, half-life and time; the detail names the tag.",
    "Look whether two studies were merged into one series.",
)

MAPPINGS_COMPETE = FindingCode(
    "SUV-106",
    _FAIL,
    "Several real world value mappings of one unit compete",
    "They give one frame different scales or ranges of stored values, and nothing says which one holds (0040,9096).",
    "Export the series with one linear mapping per unit.",
)
MAPPING_TOO_NARROW = FindingCode(
    "SUV-107",
    _FAIL,
    "Stored values lie outside the range of their real world value mapping",
    "The scale holds from the first to the last value mapped only, (0040,9216) to (0040,9211); the measured value is the one "
    "that lies outside.",
    "Export the series with a mapping of all stored values.",
)
MAPPING_CONTRADICTED = FindingCode(
    "SUV-108",
    _FAIL,
    "Rescale and real world value mapping of an enhanced PET contradict each other",
    "Both give the scale in the unit of (0054,1001), differ by more than 1e-4, and nothing says which is right.",
    "Export the series again from the scanner's own database.",
)

# --- SUV-2xx: no SUV -----------------------------------------------------------------------------------------------

WEIGHT_MISSING = FindingCode(
    "SUV-201",
    _WARN,
    "The patient's weight is missing or 0",
    "SUVbw is activity per injected activity and body weight; no default exists (0010,1030).",
    "Supply the weight from the patient's record.",
)
DOSE_MISSING = FindingCode(
    "SUV-202",
    _WARN,
    "The injected activity is missing or 0",
    "There is nothing to relate the uptake to (0018,1074).",
    "Supply the activity from the injection record.",
)
HALF_LIFE_MISSING = FindingCode(
    "SUV-203",
    _WARN,
    "The half-life is missing or 0",
    "The injected activity cannot be carried to the scan; no default is taken (0018,1075).",
    "Supply the radionuclide from the injection record.",
)
INJECTION_MISSING = FindingCode(
    "SUV-204",
    _WARN,
    "The time of injection is missing",
    "The decay from injection to scan is unknown (0018,1078), (0018,1072).",
    "Supply the time from the injection record.",
)
DECAY_MODE_UNKNOWN = FindingCode(
    "SUV-205",
    _WARN,
    "It is not said to which time the image is decay-corrected",
    "START, ADMIN and NONE differ by half of the SUV an hour after injection (0054,1102).",
    "Export the series again from the scanner's own database.",
)
INJECTION_DATE_MISSING = FindingCode(
    "SUV-206",
    _WARN,
    "The date of injection is missing and the radionuclide lives long",
    "With a half-life of three hours or more the injection may have been on another day (0018,1078).",
    "Supply the date from the injection record.",
)
INJECTION_AFTER_SCAN = FindingCode(
    "SUV-207",
    _WARN,
    "The injection is later than the scan",
    "A date or time is wrong; the measured value is the time from injection to reference in s.",
    "Compare the clocks of the dose calibrator and the scanner.",
)
WAIT_TOO_LONG = FindingCode(
    "SUV-208",
    _WARN,
    "The scan lies more than twelve half-lives after the injection",
    "Less than 1/4000 of the activity would be left: a date is wrong.",
    "Compare the dates of injection and scan.",
)
SCAN_TIME_MISSING = FindingCode(
    "SUV-209",
    _WARN,
    "A time of the scan is missing",
    "The decay from injection to scan is unknown; the detail names the tag.",
    "Export the series again from the scanner's own database.",
)
TIMES_CONTRADICT = FindingCode(
    "SUV-210",
    _WARN,
    "Two elements give different times of injection",
    "One of them is wrong, and nothing says which.",
    "Compare with the injection record; the measured value is the difference in s.",
)
BODY_MISSING = FindingCode(
    "SUV-211",
    _WARN,
    "Height or sex is missing for an SUV that is not by body weight",
    "The image is normalised to lean mass, ideal weight or surface; the way back needs them.",
    "Supply them from the patient's record.",
)
PHILIPS_FACTOR_MISSING = FindingCode(
    "SUV-212",
    _WARN,
    "The image is in counts and the maker's scale factors are missing or 0",
    "Philips keeps them in private elements (7053,1000) and (7053,1009) that a previous export has removed.",
    "Export the series again with private elements.",
)
SUV_TYPE_UNKNOWN = FindingCode(
    "SUV-213",
    _WARN,
    "The type of the stored SUV is unknown or contradicts its units",
    "The way back to body weight is not known (0054,1006).",
    "Export the series in Bq/mL.",
)
SEVERAL_INJECTIONS = FindingCode(
    "SUV-214",
    _WARN,
    "The header lists several radiopharmaceuticals",
    "It does not say which part of the activity is whose (0054,0016).",
    "Derive the SUV by hand.",
)

FRAME_TIMES_CONTRADICT = FindingCode(
    "SUV-215",
    _WARN,
    "The frames' times contradict each other about the start of the scan",
    "The series time is no start of the scan, and (0054,1300) with (0008,0032) tells several starts, or one after the frame.",
    "Supply a series whose times were not rewritten; the measured value is the contradiction in s.",
)
HALF_LIFE_OF_ANOTHER = FindingCode(
    "SUV-216",
    _WARN,
    "The half-life is that of another radionuclide",
    "(0018,1075) and (0054,0300) differ by a tenth or more; one of them is wrong, and nothing says which.",
    "Compare with the injection record; the measured value is header over table.",
)

# --- SUV-3xx: inferred or odd --------------------------------------------------------------------------------------

DOSE_IN_MBQ = FindingCode(
    "SUV-301",
    _WARN,
    "The injected activity was read as MBq",
    "The value is too small for Bq (0018,1074).",
    "Compare with the injection record.",
)
WEIGHT_IN_G = FindingCode(
    "SUV-302",
    _WARN,
    "The weight was read as g",
    "The value is too large for kg (0010,1030).",
    "Compare with the patient's record.",
)
SIZE_IN_CM = FindingCode(
    "SUV-303",
    _WARN,
    "The height was read as cm",
    "The value is too large for m (0010,1020).",
    "Compare with the patient's record.",
)
INJECTION_DATE_INFERRED = FindingCode(
    "SUV-304",
    _INFO,
    "The date of injection was inferred",
    "Only its time is given (0018,1072): the last such time before the acquisition is taken.",
    "Nothing, when the injection was on the day of the scan.",
)
MEAN_OF_SEXES = FindingCode(
    "SUV-305",
    _WARN,
    "The mean of both sexes' formulas was taken",
    "The header's sex is O, and the formula knows F and M.",
    "Compare with the patient's record.",
)
REFERENCE_COMPUTED = FindingCode(
    "SUV-306",
    _INFO,
    "The decay reference time was computed from the frame's times",
    "The series time is missing, or later than the acquisition of some slice, so it is not the start of the scan.",
    "Nothing.",
)
DECAY_FLAGS_CONTRADICT = FindingCode(
    "SUV-307",
    _WARN,
    "Two elements contradict each other about decay correction",
    "DECY in (0028,0051) says the contrary of (0054,1102), which was followed.",
    "Compare with the reconstruction protocol.",
)
SCAN_DATE_INFERRED = FindingCode(
    "SUV-308",
    _INFO,
    "A date of the scan was inferred",
    "Only one of (0008,0021) and (0008,0022) is given; the other was taken to be within half a day.",
    "Nothing.",
)
CLOCK_ASSUMED_LOCAL = FindingCode(
    "SUV-309",
    _WARN,
    "A time with an offset from UTC was read as local time",
    "The header does not say the scanner's own offset (0008,0201).",
    "Compare with the injection record.",
)
SCAN_START_CONTRADICTED = FindingCode(
    "SUV-310",
    _WARN,
    "The header contradicts itself about the time between injection and scan",
    "It would be negative, more than twelve half-lives, or of two values. The SUV stands, since it was stored as such.",
    "Compare with the injection record; most often the date of (0018,1078) is wrong.",
)
HALF_LIFE_ODD = FindingCode(
    "SUV-311",
    _WARN,
    "The half-life differs from the published one",
    "(0018,1075) is more than 1 % off the half-life of the radionuclide in (0054,0300); the header's was used.",
    "Compare with the injection record; the measured value is header over table.",
)
HALF_LIFE_UNKNOWN = FindingCode(
    "SUV-312",
    _WARN,
    "The half-life belongs to no PET radionuclide",
    "The header names no radionuclide (0054,0300) and (0018,1075) fits none of PS3.16 CID 4020 within 10 %.",
    "Compare with the injection record.",
)
TYPE_NOT_DERIVED = FindingCode(
    "SUV-313",
    _WARN,
    "A wanted type of SUV could not be derived",
    "It needs height, weight or sex, and the detail names the missing tag. SUVbw stands.",
    "Supply the value from the patient's record.",
)
SUPPLEMENTED = FindingCode(
    "SUV-314",
    _INFO,
    "A missing input was taken from the supplement table",
    "The header lacks it; the detail names the tag, the receipt the source.",
    "Nothing.",
)
SUPPLEMENT_CONTRADICTS = FindingCode(
    "SUV-315",
    _WARN,
    "The supplement table contradicts the header, which was followed",
    "The measured value is table over header, or the difference of two times in s.",
    "Correct the table, or set its override with a reason.",
)
SUPPLEMENT_OVERRIDES = FindingCode(
    "SUV-316",
    _WARN,
    "The supplement table replaced a value of the header",
    "The table says so with a reason; the measured value is table over header, or the difference of two times in s.",
    "Nothing, if the reason still holds.",
)
DOSE_IN_BQ = FindingCode(
    "SUV-317",
    _WARN,
    "The injected activity of an enhanced PET was read as Bq",
    "(0018,1074) is meant in MBq there (PS3.3 C.8.22.4), and the value is too large for that.",
    "Compare with the injection record.",
)
RADIONUCLIDE_AMBIGUOUS = FindingCode(
    "SUV-318",
    _WARN,
    "Code and name of the radionuclide are of two radionuclides",
    "The code and the meaning in (0054,0300) contradict each other; the one that fits the half-life was taken.",
    "Compare with the injection record.",
)
SERIES_TIME_DOUBTED = FindingCode(
    "SUV-319",
    _WARN,
    "The frames' times tell a later start of the scan than the series time, which was taken",
    "DecayCorrection START refers to the start; a series time that was copied from the study's makes the SUV too low.",
    "Compare the series time with the acquisition times on the scanner.",
)
DOSE_UNLIKELY = FindingCode(
    "SUV-320",
    _WARN,
    "The injected activity is less than 1 MBq",
    "No whole-body PET is taken with so little; the number is most often meant in kBq or GBq, and the SUV wrong by as much.",
    "Compare with the injection record; supply the activity in Bq.",
)
