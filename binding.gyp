{
  # npm and node-gyp users land here: the addon is built by cmake-js, through the same script as everything else.
  "targets": [
    {
      "target_name": "lrp_native",
      "type": "none",
      "actions": [
        {
          "action_name": "build_with_cmake_js",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["build/native/Release/lrp_native.node"],
          "action": ["node", "scripts/build-native.mjs"]
        }
      ]
    }
  ]
}
