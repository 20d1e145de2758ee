"""Firmware of the Keithley 2600B family: source-measure channels under a script engine.

Commands and trigger objects follow the Series 2600B Reference Manual, 2600BS-901-01 Rev. F (2021).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from labmtj.config.model import SourceMeterModel
from labmtj.twin.build import Place
from labmtj.twin.firmware.keithley_2600_channel import Channel2600
from labmtj.twin.firmware.keithley_2600_names import TRIGGER_BOUNDS, attributes, status_sets
from labmtj.twin.firmware.keithley_2600_trigger import TriggerModel
from labmtj.twin.tsp import node as tsp_node
from labmtj.twin.tsp.engine import TspEngine, buffer_functions
from labmtj.twin.tsp.firmware import TspFirmware
from labmtj.twin.tsp.tables import Fixed, Table, within


class Keithley2600(TspFirmware):
    """One 2600B: its channels on the world's sources, its script engine, its trigger model."""

    def __init__(self, place: Place, model: SourceMeterModel) -> None:
        self._channels = {
            f"smu{name}": Channel2600(f"smu{name}", place.smu(name, model), model, bit=2 << number)
            for number, name in enumerate(model.channels)
        }
        self._triggers = TriggerModel(place.world, self._channels)
        said = model.identity
        identity = ", ".join([said.manufacturer, said.model, said.serial, said.firmware])
        named = attributes(list(self._channels)) | tsp_node.attributes(identity, place.mains)
        port = partial(place.world.digital, place.name)
        functions = tsp_node.functions(now=place.world.now, sleep=place.world.sleep, port=port)
        functions |= self._triggers.functions()
        tables: dict[str, Table] = {}
        for name, channel in self._channels.items():
            functions |= channel.functions() | {f"{name}.reset": partial(self._reset_channel, name)}
            for which, buffer in channel.buffers.items():
                tables |= buffer.tables(f"{name}.{which}")
        for path, table in tables.items():
            functions |= buffer_functions(path, table)
        self._defaults = {
            name: {key: value for key, value in named.items() if key.startswith(f"{name}.")} for name in self._channels
        }
        engine = TspEngine(
            identity,
            named,
            functions,
            tables=tables,
            sets=status_sets(list(self._channels)),
            on_set=self._set,
            on_get=self._get,
            on_reset=self._reset,
            on_message=partial(place.world.sleep, model.timing.command),
            on_trigger=self._triggers.command,
        )
        super().__init__(place.world, engine)
        for channel in self._channels.values():
            channel.engine = engine
        engine.status.watch("operation.sweeping", self._triggers.sweeping)
        self._reset()

    def _get(self, name: str) -> Any:
        channel = self._channels.get(name[: name.find(".")])
        return None if channel is None else channel.get(name.partition(".")[2])

    def _set(self, name: str, value: Any) -> Any:
        smu, _, key = name.partition(".")
        if smu in self._channels:
            return self._channels[smu].set(key, value)
        bounds = TRIGGER_BOUNDS.get(name.rpartition(".")[2].partition("[")[0]) if smu == "trigger" else None
        return value if bounds is None else within(name, value, *bounds)

    def _reset(self) -> None:
        for name in self._channels:
            self._reset_channel(name)
        self._triggers.clear()

    def _reset_channel(self, name: str, *_: Any) -> None:
        self._triggers.reset(name)
        kept = {key: v.value if isinstance(v, Fixed) else v for key, v in self._defaults[name].items()}
        self._channels[name].reset(kept)
