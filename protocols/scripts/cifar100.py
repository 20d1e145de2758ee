"""CIFAR-100 with neurons of one junction, on your own copy: the comparison of Fashion-MNIST, and what it cost.

python protocols/scripts/cifar100.py FOLDER [PATH=VALUE ...]

FOLDER has cifar-100-python.tar.gz or cifar-100-binary.tar.gz, or what they unpack to. The head of
cifar100-neuron-study.yaml says what a training costs; a first look is, for example,

    python protocols/scripts/cifar100.py FOLDER seeds=2 variation="[5 %]" transfer=null distillation=null
"""

from __future__ import annotations

import sys

from labmtj.studies.neurons.engine import run_neuron_study

if __name__ == "__main__":  # the networks are trained in processes of their own, which import this file
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    folder, *settings = sys.argv[1:]
    found = run_neuron_study("cifar100-neuron-study", settings=[f"data.folder={folder}", *settings])
    for row in found.rows:
        if row["role"] == "device" and row["loss"] is not None:
            loss, upper = 100 * float(row["loss"]), 100 * float(row["upper"] or "nan")
            print(
                f"{row['part']:12}  {row['calibration']:6}  variation {100 * float(row['variation'] or 0):4.0f} %  "
                f"software {100 * float(row['software'] or 'nan'):.2f} %  loss {loss:+.2f} points, at most {upper:+.2f}"
            )
        elif row["role"] != "device":
            print(f"{row['part']:12}  {row['role']}  {100 * float(row['test'] or 0):.2f} %")
    print(f"{found.processor_seconds / 3600:.2f} h of processor time   {found.folder}")
