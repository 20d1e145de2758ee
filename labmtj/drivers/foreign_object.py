"""An object of PyMeasure or QCoDeS on our session, and its quantities by their names: set, got, or called.

What goes wrong in it becomes a ForeignError that names the instrument and the call; what our link has raised comes
through as it is. Before that the instrument is asked whether it was switched off: that explains most errors.
"""

from __future__ import annotations

import contextlib
import difflib
import inspect
import io
import itertools
import warnings
from collections.abc import Generator
from typing import Any

from labmtj.drivers.exchange import Meaning
from labmtj.drivers.foreign_names import foreign_class, library_of
from labmtj.drivers.foreign_session import ForeignSession
from labmtj.errors import ForeignError, InputError, LabmtjError

_NUMBER = itertools.count(1)
_OF_PROGRAMMERS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ImportWarning, ResourceWarning)


class ForeignObject:
    """The object, made and used; `driver` is the name of its class as the bench has it."""

    def __init__(self, driver: str, link: Any) -> None:
        self._driver, self._link = driver, link
        self.session = ForeignSession(link)
        self.title = f"{library_of(driver).title}'s {driver.rpartition('.')[2]}"
        self._pymeasure = driver.startswith("pymeasure:")
        self.made: Any = None

    def begin(self) -> None:
        """Make the object, which may talk to the instrument. Raises ForeignError, InputError, what the link raises."""
        self.end()
        kind = foreign_class(self._driver)
        name = f"labmtj_{next(_NUMBER)}"  # QCoDeS knows its instruments by name, once each
        with self._call("its first messages", Meaning.SET), contextlib.redirect_stdout(io.StringIO()):
            if self._pymeasure:
                self.made = kind(self.session)
            else:
                self.made = kind(name, None, resource=self.session, device_clear=False)

    def end(self) -> None:
        """Let go of the object; nothing is sent, the session stays open."""
        made, self.made = self.made, None
        if made is not None and not self._pymeasure:
            made.close()  # QCoDeS keeps a list of its instruments

    def check(self, name: str) -> None:
        """Raise InputError, with the nearest names, if the object has no such quantity."""
        with self._call(name, Meaning.READ):
            place, last = self._place(name)
            known = [entry for entry in dir(place) if not entry.startswith("_")]
        if last not in known:
            near = difflib.get_close_matches(last, known, n=3, cutoff=0.5)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise InputError(f"{self._link.name}: {self.title} has no {name}{hint}")

    def set(self, name: str, value: object) -> None:
        """Set a quantity: an attribute, a parameter, or a method with one argument."""
        with self._call(f"{name} = {value!r}", Meaning.SET):
            place, last = self._place(name)
            if _is_property(place, last):
                setattr(place, last, value)
            else:
                getattr(place, last)(value)  # a QCoDeS parameter, or a method

    def get(self, name: str) -> Any:
        """The value of a quantity."""
        with self._call(name, Meaning.READ):
            place, last = self._place(name)
            found = getattr(place, last)
            return found if _is_property(place, last) else found()

    def call(self, name: str) -> None:
        """Call a method that sets something."""
        with self._call(f"{name}()", Meaning.SET):
            place, last = self._place(name)
            getattr(place, last)()

    def _place(self, name: str) -> tuple[Any, str]:
        *path, last = name.split(".")
        place = self.made
        for part in path:
            place = getattr(place, part)
        return place, last

    @contextlib.contextmanager
    def _call(self, what: str, meaning: Meaning) -> Generator[None, None, None]:
        """A use of the object. Its warnings are errors, but for those about code that calls it."""
        with self.session.asked(meaning), warnings.catch_warnings():
            warnings.simplefilter("error")
            for category in _OF_PROGRAMMERS:
                warnings.simplefilter("ignore", category)
            try:
                yield
            except Exception as error:  # whatever somebody else's code makes of a call
                cause = self.session.first_cause()
                if cause is not None:
                    raise cause from None
                if isinstance(error, LabmtjError):
                    raise
                self._link.check_power()
                text = f"{self._link.name}: {self.title}, {what}: {type(error).__name__}: {error}"
                raise ForeignError(text) from error
            cause = self.session.first_cause()
            if cause is not None:
                raise cause  # the object has kept to itself what went wrong


def _is_property(place: Any, name: str) -> bool:
    """Whether a name of an object is a property of its class, which is set and got without a call."""
    found: Any = inspect.getattr_static(place.__class__, name, None)
    return hasattr(found.__class__, "__set__")
