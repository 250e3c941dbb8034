#!/bin/bash
# Build build/ipvl_VERSION_ARCH.deb from this checkout: packaging/deb.sh PYTHON-WITH-PIP
set -euo pipefail
python=$1
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/ipvl/__init__.py)
# The time of the last change, in the package's files and in its changelog, so that the same source gives the same bytes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || date +%s)}
export SOURCE_DATE_EPOCH
tree=build/deb/ipvl-$version
rm -rf build/deb
wheels=build/wheels/$(sha256sum requirements.lock | cut -c1-12)
mkdir -p "$tree/vendor" "$wheels"
for minor in 3.11 3.12 3.13 3.14; do
    [ -d "$wheels/$minor" ] || "$python" -m pip download --quiet --disable-pip-version-check --require-hashes \
        --no-deps --only-binary :all: --python-version "$minor" --implementation cp \
        -r requirements.lock -d "$wheels/$minor"
    for wheel in "$wheels/$minor"/*.whl; do
        "$python" -m zipfile -e "$wheel" "$tree/vendor"
    done
done
rm -f "$tree"/vendor/*.dist-info/RECORD
cp -R src manual packaging docs examples README.md SECURITY.md LICENSE "$tree/"
mkdir -p "$tree/build"
cp -R build/man "$tree/build/man"
cp -R packaging/debian "$tree/debian"
for unit in ipvl.service ipvl.socket; do
    sed 's#/usr/local/bin/ipvl#/usr/bin/ipvl#' "packaging/systemd/$unit" > "$tree/debian/$unit"
done
cat > "$tree/debian/changelog" <<END
ipvl ($version) unstable; urgency=medium

  * What changes for users is in CHANGELOG.md.

 -- The ipvl authors <maintainers@ipvl.invalid>  $(date -R -u -d "@$SOURCE_DATE_EPOCH")
END
cp CHANGELOG.md "$tree/debian/NEWS.md"
find "$tree" -name __pycache__ -prune -exec rm -rf {} +
(cd "$tree" && dpkg-buildpackage --build=binary --no-sign --jobs=1 > ../build.log 2>&1) || { tail -30 build/deb/build.log; exit 1; }
mv build/deb/ipvl_"$version"_*.deb build/
ls -l build/*.deb
