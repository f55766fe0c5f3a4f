# ROS 2 as Python wheels: their exported targets name the include folders of the host that built them, which are not here, and
# CMake stops at them. Folders that do not exist are taken out of the imported targets.
function(_drop_missing_includes)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(includes)
      list(FILTER includes EXCLUDE REGEX "^/opt/python/")
      set_property(TARGET ${target} PROPERTY INTERFACE_INCLUDE_DIRECTORIES "${includes}")
    endif()
  endforeach()
endfunction()
cmake_language(DEFER CALL _drop_missing_includes)

# The wheels have rclpy and one middleware, Fast DDS: of what is generated for C++ nothing would be used, and it takes more than
# half of the time. The middleware looks for introspection in C first; without it, it fills each node's log with lines of that.
# The package's own find_package finds the generators found already.
find_package(rosidl_default_generators REQUIRED)
list(FILTER AMENT_EXTENSIONS_rosidl_generate_idl_interfaces EXCLUDE REGEX "_cpp:")
